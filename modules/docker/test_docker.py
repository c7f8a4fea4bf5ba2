# SPDX-License-Identifier: Apache-2.0
"""What is special about docker: where images come from, what is refused, and docker failing at any of its calls."""

import pytest
from support.module import Failed, spread
from support.module_world import DockerWorld, reason_to_skip

pytestmark = [pytest.mark.shows("I4-MS6", "M2"),
              pytest.mark.skipif(bool(reason_to_skip("docker")), reason=str(reason_to_skip("docker")))]


@pytest.fixture
def world(tmp_path):
    return DockerWorld(tmp_path, "of an update before")


def test_answers(world):
    module = world.module.prepare()
    assert module.ask("SupportsRollback") == "Yes" and module.ask("NeedsArtifactReboot") == "No"
    assert module.ok("ProvidePayloadFileSizes") == module.ok("NoSuchState") == ""


def test_words_for_docker_run(world):
    world.module.install()
    runs = [call for call in world.docker.calls() if call.startswith("run ") and call.endswith("new/b:2")]
    assert len(runs) == 1 and " -p 80:80 -v *:/x new/b:2" in runs[0]


def test_images_in_the_payload_are_not_pulled(world):
    world.module.files = {"images.tar": b"image missing/a missing/b"}
    world.bring("missing/a", "missing/b")
    world.module.install()
    assert world.docker.running() == ["missing/a", "missing/b"]
    assert not [call for call in world.docker.calls() if call.startswith("pull missing")]


@pytest.mark.parametrize("meta_data", [
    None, {}, {"containers": []}, {"containers": "a"}, {"containers": ["-v/:/x"]}, {"containers": ["a b"]},
    {"containers": ["$(reboot)"]}, {"containers": ["a"], "run_args": ["-d"]},
])
def test_meta_data_that_is_refused(world, meta_data):
    world.module.meta_data = meta_data
    with pytest.raises(Failed, match="meta-data"):
        world.module.install()
    world.module.take_back()
    assert world.is_old()


def test_nothing_is_stopped_for_an_image_that_is_not_there(world):
    world.bring("new/a", "missing/b")
    world.docker.fail_at(None)
    with pytest.raises(Failed, match="missing/b cannot be pulled"):
        world.module.install()
    assert world.is_old() and not [call for call in world.docker.calls() if call.startswith("stop")]


def test_a_container_that_does_not_stay_up(world):
    world.bring("new/a", "new/broken")
    with pytest.raises(Failed, match="does not run: exited 1"):
        world.module.install()
    world.module.take_back()
    assert world.is_old()


def test_a_container_that_fails_before_commit(world):
    world.module.install()
    name = next(name for name, container in world.docker.containers().items() if container["image"] == "new/b:2")
    path = world.docker.folder / "containers" / name
    path.write_text(path.read_text().replace('"running", "code": 0', '"exited", "code": 3'))
    with pytest.raises(Failed, match="does not run: exited 3"):
        world.module.ok("ArtifactCommit")
    world.module.take_back()
    assert world.is_old()


def test_what_was_before_goes_with_cleanup(world):
    world.module.install()
    world.module.commit()
    assert sorted(container["image"] for container in world.docker.containers().values()) == world.docker.running()
    assert not [image for image in world.docker.images() if image.startswith("old/")]


def test_what_others_run_stays_stopped(tmp_path):
    world = DockerWorld(tmp_path, "of somebody else")
    world.module.install()
    world.module.commit()
    others = [container for container in world.docker.containers().values() if container["image"].startswith("old/")]
    assert [(container["status"], container["restart"]) for container in others] == [("exited", "no")] * 2


def test_docker_fails_at_each_call(tmp_path, request):
    """Of the install: it says so, and the way back is a whole one."""
    counted = DockerWorld(tmp_path / "counted", "of an update before")
    counted.docker.fail_at(None)
    counted.module.install()
    count = len(counted.docker.calls())
    assert count >= 8
    for number in spread(count, None if request.config.getoption("--long") else 5):
        world = DockerWorld(tmp_path / str(number), "of an update before")
        world.docker.fail_at(number)
        with pytest.raises(Failed):
            world.module.install()
        world.docker.fail_at(None)
        world.module.take_back()
        assert world.is_old(), f"failed at call {number}"


def test_without_docker(world):
    world.module.environment = {"PATH": "/nowhere:/usr/bin:/bin"}
    world.module.prepare()
    with pytest.raises(Failed, match="docker"):
        world.module.download()
