#!/usr/bin/python3 -SI
# SPDX-License-Identifier: Apache-2.0
"""A program `docker` without containers: it keeps what there would be in the folder beside it, and fails at the Nth of
its calls where the file `fail-at` there says so. Installed as STATE/docker by support/docker.py."""

import json
import os
import sys

STATE = os.path.dirname(os.path.abspath(sys.argv[0]))


def path_of(kind, name):
    return os.path.join(STATE, kind, name.replace("/", "%"))


def save(kind, name, value):
    """At once: the daemon that is asked is another process, and is not killed with the one that asks."""
    path = path_of(kind, name)
    with open(os.path.join(STATE, "new"), "w") as file:
        json.dump(value, file)
    os.rename(os.path.join(STATE, "new"), path)


def load(kind, name):
    try:
        with open(path_of(kind, name)) as file:
            return json.load(file)
    except FileNotFoundError:
        sys.exit(f"Error: no such {kind[:-1]}: {name}")


def names(kind):
    return sorted(name.replace("%", "/") for name in os.listdir(os.path.join(STATE, kind)))


def forget(kind, name):
    load(kind, name)
    os.unlink(path_of(kind, name))


def count_call():
    with open(os.path.join(STATE, "calls"), "a") as file:
        file.write(" ".join(sys.argv[1:]) + "\n")
    with open(os.path.join(STATE, "calls")) as file:
        number = len(file.readlines())
    try:
        with open(os.path.join(STATE, "fail-at")) as file:
            if number == int(file.read()):
                sys.exit("Error: the daemon does not answer")
    except FileNotFoundError:
        pass


def take_options(words, with_value):
    """{option: [values]} and the rest; an option of with_value takes the next word."""
    options, rest = {}, []
    while words:
        word = words.pop(0)
        if word.startswith("-") and not rest:
            name, equals, value = word.partition("=")
            options.setdefault(name, []).append(value if equals else words.pop(0) if name in with_value else "")
        else:
            rest.append(word)
    return options, rest


def start_container(name):
    container = load("containers", name)
    broken = container["image"].endswith("broken")
    save("containers", name, {**container, "status": "exited" if broken else "running", "code": 1 if broken else 0})


def make_container(image, labels, words):
    load("images", image)
    number = len(names("containers")) + 1
    while os.path.exists(path_of("containers", f"{number:064x}")):
        number += 1
    name = f"{number:064x}"
    save("containers", name, {"image": image, "labels": labels, "words": words, "status": "created", "code": 0,
                              "restart": "always"})
    start_container(name)
    return name


def matching(label):
    key, _, value = label.partition("=")
    return [name for name in names("containers") if load("containers", name)["labels"].get(key) == value]


def ps(words):
    options, _ = take_options(words, ["--filter"])
    found = names("containers")
    for wanted in options.get("--filter", []):
        found = [name for name in found if name in matching(wanted.removeprefix("label="))]
    if "-a" not in options:
        found = [name for name in found if load("containers", name)["status"] == "running"]
    for name in found:
        print(name)


def run(words):
    options, rest = take_options(words, ["--label", "-p", "-v", "--name", "-e"])
    labels = dict(label.split("=", 1) for label in options.get("--label", []))
    print(make_container(rest[0], labels, rest[1:]))


def stop(words):
    for name in words:
        save("containers", name, {**load("containers", name), "status": "exited"})
        print(name)


def start(words):
    for name in words:
        start_container(name)
        print(name)


def rm(words):
    options, rest = take_options(words, [])
    for name in rest:
        if "-f" not in options and load("containers", name)["status"] == "running":
            sys.exit(f"Error: {name} runs")
        forget("containers", name)


def pull(words):
    if "missing" in words[0]:
        sys.exit(f"Error: no image {words[0]} in the registry")
    save("images", words[0], {})


def load_archive(words):
    with open(words[1]) as file:
        text = file.read()
    if not text.startswith("image "):
        sys.exit("Error: no archive of images")
    for image in text.split()[1:]:
        save("images", image, {})
        print(f"Loaded image: {image}")


def image(words):
    act, name = words[0], words[-1]
    load("images", name)
    if act == "rm":
        if any(load("containers", other)["image"] == name for other in names("containers")):
            sys.exit(f"Error: {name} is used")
        forget("images", name)


def inspect(words):
    container = load("containers", words[-1])
    print(container["image"] if ".Image" in words[1] else f"{container['status']} {container['code']}")


def update(words):
    save("containers", words[-1], {**load("containers", words[-1]), "restart": "no"})


def compose(words):
    """A composition is lines `SERVICE IMAGE`."""
    if words == ["version"]:
        return
    options, (act, *more) = take_options(words, ["-p", "-f"])
    project, = options["-p"]
    with open(options["-f"][0]) as file:
        services = [line.split() for line in file.read().splitlines()]
    if any(len(service) != 2 for service in services):
        sys.exit("Error: not a composition")
    mine = matching(f"project={project}")
    if act == "up":
        compose_up(project, services)
    elif act == "stop":
        stop(mine)
    elif act == "down":
        rm(["-f", *mine])
    elif act == "ps":
        print("\n".join(mine))


def compose_up(project, services):
    for name in matching(f"project={project}"):
        if load("containers", name)["labels"]["service"] not in [service for service, _ in services]:
            forget("containers", name)
    for service, image_name in services:
        present = [name for name in matching(f"project={project}") if load("containers", name)["labels"]["service"] == service]
        if present and load("containers", present[0])["image"] == image_name:
            start_container(present[0])
            continue
        for name in present:
            forget("containers", name)
        make_container(image_name, {"project": project, "service": service}, [])


VERBS = {"ps": ps, "run": run, "stop": stop, "start": start, "rm": rm, "pull": pull, "load": load_archive, "image": image,
         "inspect": inspect, "update": update, "compose": compose}
count_call()
VERBS[sys.argv[1]](sys.argv[2:])
