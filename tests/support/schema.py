"""Holds JSON documents against the schemas of an OpenAPI description, more strictly than a client
would: a member that the schema does not describe is a fault, and so is a word of a schema that this
validator does not know.
"""

TYPES = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
KNOWN = {"$ref", "type", "description", "enum", "minimum", "maximum", "maxLength", "items",
         "properties", "required", "additionalProperties"}


class Schemas:
    """Of one description. faults() lists what is wrong, each with its place in the document."""

    def __init__(self, description):
        self.description = description

    def resolve(self, schema):
        while "$ref" in schema:
            found = self.description
            for name in schema["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            schema = found
        return schema

    def response(self, operation, status):
        """What an operation may be answered with under a status."""
        responses = operation["responses"]
        return self.resolve(responses.get(str(status), responses["default"]))

    def faults(self, value, schema, place="$"):
        schema = self.resolve(schema)
        found = [f"{place}: the validator does not know the schema's {word!r}"
                 for word in schema if word not in KNOWN and not word.startswith("x-")]
        types = schema.get("type", [])
        types = [types] if isinstance(types, str) else types
        if not any(TYPES[name](value) for name in types):
            return found + [f"{place}: {value!r:.60} is none of {types}"]
        if value is None:
            return found
        return found + self._words(value, schema, place)

    def _words(self, value, schema, place):
        found = []
        if "enum" in schema and value not in schema["enum"]:
            found.append(f"{place}: {value!r:.60} is none of {schema['enum']}")
        if "minimum" in schema and value < schema["minimum"]:
            found.append(f"{place}: {value} is less than {schema['minimum']}")
        if "maximum" in schema and value > schema["maximum"]:
            found.append(f"{place}: {value} is more than {schema['maximum']}")
        if "maxLength" in schema and len(value) > schema["maxLength"]:
            found.append(f"{place}: longer than {schema['maxLength']}")
        if isinstance(value, dict):
            found += self._members(value, schema, place)
        if isinstance(value, list):
            for index, item in enumerate(value):
                found += self.faults(item, schema["items"], f"{place}[{index}]")
        return found

    def _members(self, value, schema, place):
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties", False)
        found = [f"{place}.{name}: required and not served"
                 for name in schema.get("required", []) if name not in value]
        for name, member in value.items():
            if name in properties:
                found += self.faults(member, properties[name], f"{place}.{name}")
            elif others is False:
                found.append(f"{place}.{name}: served and not described")
            elif others is not True:
                found += self.faults(member, others, f"{place}.{name}")
        return found
