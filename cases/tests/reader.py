"""What strict readers of Python's standard library see of a field.

Each line of the input is a request: the kind of the field's source, its name or path, the `content-type`, the
request's path, and the body in hexadecimal. Each line of the output is the value as JSON, `null` where there is none
or where the reader refuses.
"""

import email
import email.policy
import json
import sys
import urllib.parse

STRICT = email.policy.HTTP.clone(raise_on_defect=True)


def refuse(constant):
    raise ValueError(f"{constant} is not JSON")


def of_json(pointer, _content_type, _path, body):
    value = json.loads(body, parse_constant=refuse)
    for token in pointer.split("/")[1:]:
        value = value[token]
    return value if isinstance(value, str) and value else None


def of_form(name, _content_type, _path, body):
    pairs = urllib.parse.parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict")
    return dict(pairs).get(name) or None


def of_multipart(name, content_type, _path, body):
    head = f"content-type: {content_type}\r\n\r\n".encode()
    value = None
    for part in email.message_from_bytes(head + body, policy=STRICT).iter_parts():
        disposition = part["content-disposition"]
        if disposition is None or disposition.content_disposition != "form-data":
            continue
        if disposition.params.get("name") == name and part.get_filename() is None:
            value = part.get_payload(decode=True).decode(part.get_content_charset("utf-8"))
    return value or None


def of_path(template, _content_type, path, _body):
    wanted = template.split("/")
    found = urllib.parse.urlsplit(path).path.split("/")
    if len(wanted) != len(found):
        return None
    value = None
    for expected, segment in zip(wanted, found):
        decoded = urllib.parse.unquote(segment, errors="strict")
        if expected.startswith("{"):
            value = decoded
        elif expected != decoded:
            return None
    return value or None


READERS = {"json": of_json, "form": of_form, "multipart": of_multipart, "path": of_path}

for line in sys.stdin:
    kind, field, content_type, path, body = json.loads(line)
    try:
        seen = READERS[kind](field, content_type, path, bytes.fromhex(body))
        if seen is not None:
            seen.encode("utf-8")
    except Exception:  # Whatever a reader raises, it has refused.
        seen = None
    print(json.dumps(seen))
