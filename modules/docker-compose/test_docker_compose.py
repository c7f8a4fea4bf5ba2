# SPDX-License-Identifier: Apache-2.0
"""What is special about docker-compose: where a composition lives, what is refused, and docker failing at any call."""

import pytest
from support.module import Failed, spread
from support.module_world import DockerComposeWorld, reason_to_skip

pytestmark = [pytest.mark.shows("I4-MS6", "M2"),
              pytest.mark.skipif(bool(reason_to_skip("docker-compose")), reason=str(reason_to_skip("docker-compose")))]


@pytest.fixture
def world(tmp_path):
    return DockerComposeWorld(tmp_path, "another project")


def store(world):
    return world.module.folder / "modules/v3/kept/docker-compose"


def test_answers(world):
    module = world.module.prepare()
    assert module.ask("SupportsRollback") == "Yes" and module.ask("NeedsArtifactReboot") == "No"
    assert module.ok("ProvidePayloadFileSizes") == module.ok("NoSuchState") == ""


@pytest.mark.parametrize("spoil,message", [
    (lambda module: module.files.pop("images.tar.gz"), "images.tar.gz is missing"),
    (lambda module: module.files.pop("manifests.tar"), "manifests.tar is missing"),
    (lambda module: module.files.update({"images.tar.gz": b"x"}), "cannot unpack images"),
    (lambda module: module.files.update({"manifests.tar": b"x" * 2000}), "cannot unpack manifests"),
    (lambda module: module.meta_data.update(project_name="../up"), "none that compose takes"),
    (lambda module: module.meta_data.pop("project_name"), "no project_name"),
])
def test_payloads_that_are_refused(world, spoil, message):
    spoil(world.module)
    with pytest.raises(Failed, match=message):
        world.module.install()
    world.module.take_back()
    assert world.is_old()


def test_a_service_that_does_not_stay_up(world):
    world.bring("fleet", a="new/broken")
    with pytest.raises(Failed, match="does not run"):
        world.module.install()
    world.module.take_back()
    assert world.is_old()


def test_what_was_before_goes_with_cleanup(world):
    world.module.install()
    assert "old/b" in world.docker.images()
    world.module.commit()
    assert world.docker.images() == ["kept/a", "new/b", "new/d"] == world.docker.running()
    folder, = [path for path in store(world).iterdir() if path.is_dir()]
    assert (store(world) / "current").read_text().strip() == folder.name


def test_what_a_failed_update_brought_goes_with_cleanup(world):
    before = sorted(path.name for path in store(world).iterdir())
    world.bring("fleet", a="new/broken")
    with pytest.raises(Failed):
        world.module.install()
    world.module.take_back()
    assert sorted(path.name for path in store(world).iterdir()) == before
    assert world.docker.images() == ["kept/a", "old/b", "old/c"]


def test_back_after_commit(world):
    """Another payload of the same artifact failed."""
    world.module.install()
    world.module.ok("ArtifactCommit")
    world.module.take_back()
    assert world.is_old()


def test_docker_fails_at_each_call(tmp_path, request):
    counted = DockerComposeWorld(tmp_path / "counted", "another project")
    counted.docker.fail_at(None)
    counted.module.install()
    count = len(counted.docker.calls())
    assert count >= 8
    for number in spread(count, None if request.config.getoption("--long") else 5):
        world = DockerComposeWorld(tmp_path / str(number), "another project")
        world.docker.fail_at(number)
        with pytest.raises(Failed):
            world.module.install()
        world.docker.fail_at(None)
        world.module.take_back()
        assert world.is_old(), f"failed at call {number}"
