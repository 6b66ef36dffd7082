"""Validates the objects of Argo Workflows in a file of YAML by the schema of Argo. An unknown member is an error, too."""

import json
import sys

import yaml
from jsonschema import Draft7Validator

schema = json.load(open(sys.argv[1], encoding="utf-8"))
for definition in schema["definitions"].values():
    if "properties" in definition:
        definition.setdefault("additionalProperties", False)
wrong = 0
for document in yaml.safe_load_all(open(sys.argv[2], encoding="utf-8")):
    if not document["apiVersion"].startswith("argoproj.io/"):
        continue
    kind = document["kind"]
    of = {"$ref": f"#/definitions/io.argoproj.workflow.v1alpha1.{kind}", "definitions": schema["definitions"]}
    errors = list(Draft7Validator(of).iter_errors(document))
    print(f"{kind} {document['metadata']['name']}: {len(errors)} errors")
    for error in errors:
        print(f"  {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")
    wrong += len(errors)
sys.exit(wrong > 0)
