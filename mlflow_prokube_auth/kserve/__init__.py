"""``mlflow-storage-initializer``: what KServe runs to put a model of MLflow's where a model server looks for it.

Needs ``mlflow-skinny`` alone (the extra ``kserve``) and imports nothing of the server.
"""
