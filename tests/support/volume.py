"""A pod's projected token, as a client finds it: a file that is replaced while programs run."""

from __future__ import annotations

from pathlib import Path


class Volume:
    """A folder as the kubelet makes one of a projected token: it is replaced by renaming a link."""

    def __init__(self, folder: Path, token: str) -> None:
        self._folder, self._count = folder, 0
        folder.mkdir()
        self.token = folder / "token"
        self.token.symlink_to("..data/token")
        self.replace(token)

    def replace(self, token: str) -> None:
        self._count += 1
        name, link = f"..{self._count}", self._folder / "..data_tmp"
        (self._folder / name).mkdir()
        (self._folder / name / "token").write_text(token)
        link.symlink_to(name)
        link.rename(self._folder / "..data")


def token_file_variables(site: Path, token: Path) -> dict[str, str]:
    """With which MLflow's client reads the token; ``site`` has this package installed."""
    return {
        "MLFLOW_TRACKING_AUTH": "prokube-token-file",
        "MLFLOW_TRACKING_TOKEN_FILE": str(token),
        "PYTHONPATH": str(site),
    }
