"""Filters in tests: files, settings and what a chain decides."""

from relive import config


def write(path, rules="", version=2, exec="trace"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'[meta]\nname = "{path.parent.parent.name}"\nversion = {version}\n[scope]\n'
        f'default_exec = "{exec}"\ndefault_value_action = "allow"\n{rules}'
    )
    return path


def settings(**options):
    return dict(config.load(options=options, environ={}, folder="/").as_dict())


def decide(chain, module, name, file="/project/app.py"):
    return chain.core.decide(module, name, name, file)["traced"]
