# SPDX-License-Identifier: Apache-2.0
"""Artifacts made by hand, after the description of format v3 and with none of our own code."""

import base64
import gzip
import hashlib
import io
import json
import tarfile

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def tar_of(members):
    """A tar of (name, bytes) in this order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.mode = 0o600
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def sign_manifest(manifest, key):
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(manifest, ec.ECDSA(hashes.SHA256())))
        return base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return base64.b64encode(key.sign(manifest, padding.PKCS1v15(), hashes.SHA256()))


def make_artifact(name, device_types, files, type="single-file", key=None, meta_data=None, provides=None,
                  depends=None, scripts=()):
    """The bytes of an artifact. files and scripts are (name, bytes) pairs; with a key it is signed."""
    version = compact({"format": "mender", "version": 3})
    provides = {f"rootfs-image.{type}.version": name} if provides is None else provides
    header = [("header-info", compact({
        "payloads": [{"type": type}],
        "artifact_provides": {"artifact_name": name},
        "artifact_depends": {"device_type": list(device_types)}}))]
    header += [(f"scripts/{script}", content) for script, content in scripts]
    type_info = {"type": type, "artifact_provides": provides, "clears_artifact_provides": [f"rootfs-image.{type}.*"]}
    if depends:
        type_info["artifact_depends"] = depends
    header.append(("headers/0000/type-info", compact(type_info)))
    if meta_data is not None:
        header.append(("headers/0000/meta-data", compact(meta_data)))
    header_gz = gzip.compress(tar_of(header), mtime=0)
    sums = [(content, f"data/0000/{file}") for file, content in files]
    sums += [(header_gz, "header.tar.gz"), (version, "version")]
    manifest = "".join(f"{hashlib.sha256(content).hexdigest()}  {entry}\n" for content, entry in sums).encode()
    members = [("version", version), ("manifest", manifest)]
    if key is not None:
        members.append(("manifest.sig", sign_manifest(manifest, key)))
    members += [("header.tar.gz", header_gz), ("data/0000.tar.gz", gzip.compress(tar_of(files), mtime=0))]
    return tar_of(members)


def make_artifact_of(payloads, name, device_types, scripts=()):
    """The bytes of an artifact with several payloads: (type, [(file name, bytes)]) each, unsigned."""
    version = compact({"format": "mender", "version": 3})
    header = [("header-info", compact({
        "payloads": [{"type": type} for type, _ in payloads], "artifact_provides": {"artifact_name": name},
        "artifact_depends": {"device_type": list(device_types)}}))]
    header += [(f"scripts/{script}", content) for script, content in scripts]
    header += [(f"headers/{i:04}/type-info", compact({"type": type})) for i, (type, _) in enumerate(payloads)]
    header_gz = gzip.compress(tar_of(header), mtime=0)
    sums = [(content, f"data/{i:04}/{file}") for i, (_, files) in enumerate(payloads) for file, content in files]
    sums += [(header_gz, "header.tar.gz"), (version, "version")]
    manifest = "".join(f"{hashlib.sha256(content).hexdigest()}  {entry}\n" for content, entry in sums).encode()
    data = [(f"data/{i:04}.tar.gz", gzip.compress(tar_of(files), mtime=0)) for i, (_, files) in enumerate(payloads)]
    return tar_of([("version", version), ("manifest", manifest), ("header.tar.gz", header_gz), *data])
