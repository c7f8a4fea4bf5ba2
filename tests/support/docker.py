# SPDX-License-Identifier: Apache-2.0
"""A machine with docker, which is a folder: images, containers, and the program (docker_program.py) that knows them."""

import json
import pathlib
import shutil
import subprocess


class Docker:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        for name in ("images", "containers"):
            (self.folder / name).mkdir(parents=True)
        shutil.copy(pathlib.Path(__file__).parent / "docker_program.py", self.folder / "docker")
        (self.folder / "docker").chmod(0o755)

    def run(self, *words):
        return subprocess.run([self.folder / "docker", *words], check=True, capture_output=True, text=True).stdout.strip()

    def running(self):
        """The images that run, sorted."""
        return sorted(container["image"] for container in self.containers().values() if container["status"] == "running")

    def containers(self):
        return {path.name: json.loads(path.read_text()) for path in (self.folder / "containers").iterdir()}

    def images(self):
        return sorted(path.name.replace("%", "/") for path in (self.folder / "images").iterdir())

    def calls(self):
        return (self.folder / "calls").read_text().splitlines()

    def fail_at(self, number):
        """The call `number` from now on fails; None: none."""
        (self.folder / "calls").write_text("")
        (self.folder / "fail-at").unlink(missing_ok=True)
        if number is not None:
            (self.folder / "fail-at").write_text(str(number))
