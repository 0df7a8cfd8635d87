"""A pipeline that trains a model, judges it and gives it an alias that a KServe address can name.

    python examples/pipeline.py            # writes pipeline.yaml, to be uploaded to Kubeflow Pipelines

Needs ``pip install "mlflow-prokube-auth[kfp]"``, and the secret ``mlflow-credentials`` in the namespace that runs it.
"""

from kfp import compiler, dsl

from mlflow_prokube_auth.kfp import add_mlflow_env_vars_to_tasks

# What mlflow.sklearn needs, without the rest of MLflow.
PACKAGES = ["mlflow-skinny>=3.17,<4", "pandas", "scikit-learn", "skops"]


@dsl.component(base_image="python:3.12-slim", packages_to_install=PACKAGES)
def train(experiment: str, model: str, max_iter: int) -> str:
    """Train, log and register; answers the version's number."""
    import mlflow
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split

    x, y = load_iris(return_X_y=True)
    x_train, _, y_train, _ = train_test_split(x, y, random_state=7)
    mlflow.set_experiment(experiment)
    with mlflow.start_run():
        mlflow.log_param("max_iter", max_iter)
        fitted = LogisticRegression(max_iter=max_iter).fit(x_train, y_train)
        logged = mlflow.sklearn.log_model(fitted, name="model", registered_model_name=model)
    return str(logged.registered_model_version)


@dsl.component(base_image="python:3.12-slim", packages_to_install=PACKAGES)
def promote(model: str, version: str, least: float) -> float:
    """Judge a version; if it is good enough, let the alias `champion` point to it. Answers its accuracy."""
    import mlflow
    from sklearn.datasets import load_iris
    from sklearn.model_selection import train_test_split

    x, y = load_iris(return_X_y=True)
    _, x_test, _, y_test = train_test_split(x, y, random_state=7)
    accuracy = float(mlflow.sklearn.load_model(f"models:/{model}/{version}").score(x_test, y_test))
    if accuracy < least:
        raise ValueError(f"version {version} of {model} has an accuracy of {accuracy}, expected at least {least}")
    mlflow.MlflowClient().set_registered_model_alias(model, "champion", version)
    return accuracy


@dsl.pipeline(name="iris")
def iris(experiment: str = "iris", model: str = "iris", max_iter: int = 1000, least: float = 0.8) -> float:
    """Train, and promote what is good."""
    trained = train(experiment=experiment, model=model, max_iter=max_iter)
    promoted = promote(model=model, version=trained.output, least=least)
    for task in (trained, promoted):
        # What is in a registry is no function of the inputs alone.
        task.set_caching_options(False)
    add_mlflow_env_vars_to_tasks([trained, promoted])
    return promoted.output


if __name__ == "__main__":
    compiler.Compiler().compile(iris, "pipeline.yaml")
    print("wrote pipeline.yaml")
