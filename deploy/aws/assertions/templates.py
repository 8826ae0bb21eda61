"""Reads the CloudFormation templates: values at a path, with parameters filled in as a profile gives them, and the line that sets them."""

import functools
import json
import pathlib
import re

import yaml

AWS = pathlib.Path(__file__).resolve().parents[1]
ROOT = AWS.parents[1]
PROFILES = {name: json.loads((AWS / f"parameters/{name}.json").read_text(encoding="utf-8")) for name in ("mvp", "production")}
SITE = json.loads((AWS / "parameters/site.sample.json").read_text(encoding="utf-8"))
# deploy.py takes these from other stacks and from AWS.
COMPUTED = {
    "Version": "0.1.0", "EdgePrefixList": "pl-1", "WebDomain": "web.s3", "ContentDomainOfBucket": "content.s3",
    "LogsDomain": "logs.s3", "StorageOrigin": "https://content.s3",
}  # fmt: skip
STACKS = {stack: stack.split("-")[0] for stack in PROFILES["mvp"]} | {"storage": "storage", "once": "once", "machines": "machines"}


@functools.cache
def document(template):
    return yaml.compose((AWS / f"{template}.yaml").read_text(encoding="utf-8"), Loader=yaml.SafeLoader)


def of_text(text):
    return yaml.compose(text, Loader=yaml.SafeLoader)


def child(node, key):
    if isinstance(node, yaml.SequenceNode):
        return node.value[int(key)]
    return next((value for name, value in node.value if name.value == key), None)


class Template:
    """One template with the parameters of one stack."""

    def __init__(self, node, given):
        self.node, self.given = node, given
        declared = child(node, "Parameters")
        self.declared = {name.value: value for name, value in declared.value} if declared else {}

    @classmethod
    def of(cls, stack, profile):
        return cls(document(STACKS[stack]), {**COMPUTED, **SITE, **PROFILES[profile].get(stack, {})})

    def parameter(self, name):
        if name in self.given:
            return self.given[name]
        default = child(self.declared[name], "Default")
        return default.value if default is not None else f"<{name}>"

    def find(self, path):
        """The node at a path of keys and indices, as in "Resources.Task.Properties.ContainerDefinitions.0.Image"."""
        node = self.node
        for key in path.split("."):
            # A list of {Key, Value} or {Name, Value} is looked into by its keys.
            if isinstance(node, yaml.SequenceNode) and not key.isdigit():
                node = next((child(item, "Value") for item in node.value if key.replace("/", ".") in self.names(item)), None)
            else:
                node = child(node, key)
            if node is None:
                raise KeyError(f"{path}: nothing at {key}")
        return node

    @staticmethod
    def names(item):
        return [value.value for key in ("Key", "Name", "Id") if (value := child(item, key)) is not None]

    def line(self, path):
        return self.find(path).start_mark.line + 1

    def at(self, path):
        return self.plain(self.find(path))

    def get(self, path, otherwise=None):
        try:
            return self.at(path)
        except KeyError:
            return otherwise

    def resources(self, kind=None):
        for name, node in child(self.node, "Resources").value:
            if kind is None or child(node, "Type").value == kind:
                yield name.value, self.plain(node)

    def plain(self, node):
        tag = node.tag
        if tag == "!Ref":
            return self.parameter(node.value) if node.value in self.declared else {"Ref": node.value}
        if tag == "!If":
            name, yes, no = node.value
            return self.plain(yes if self.condition(child(child(self.node, "Conditions"), name.value)) else no)
        if tag == "!Sub":
            return self.substituted(node)
        if tag.startswith("!"):
            return {f"Fn::{tag[1:]}": self.content(node)}
        return self.content(node)

    def content(self, node):
        if isinstance(node, yaml.MappingNode):
            return {key.value: self.plain(value) for key, value in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(value) for value in node.value]
        if node.tag.startswith("!"):
            return node.value
        return yaml.SafeLoader("").construct_object(yaml.ScalarNode(node.tag, node.value), deep=True)

    def substituted(self, node):
        text, local = node.value, {}
        if isinstance(node, yaml.SequenceNode):
            text, local = node.value[0].value, {key.value: self.plain(value) for key, value in node.value[1].value}

        def fill(match):
            name = match[1]
            if name in local:
                value = local[name]
                return value if isinstance(value, str) else f"<{next(iter(value.values()))}>".replace("{'Fn::Sub': '", "").replace("'}", "")
            return str(self.parameter(name)) if name in self.declared else match[0]

        return re.sub(r"\$\{([A-Za-z0-9:.]+)\}", fill, text)

    def condition(self, node):
        if node.tag == "!Equals":
            one, other = (self.plain(value) for value in node.value)
            return str(one) == str(other)
        if node.tag == "!Not":
            return not self.condition(node.value[0])
        return all(self.condition(value) for value in node.value)  # !And


def all_templates(profile):
    return {stack: Template.of(stack, profile) for stack in STACKS}


def statements(value):
    """Every statement of every policy in a resource."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "PolicyDocument" and isinstance(inner, str):
                inner = json.loads(inner)
            # The firewall's rules have statements of another kind.
            if key == "Statement" and isinstance(inner, list):
                yield from inner
            else:
                yield from statements(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from statements(inner)


def as_list(value):
    return value if isinstance(value, list) else [value]
