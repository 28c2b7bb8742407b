"""The bill of materials (CycloneDX): every part that is packed, with version, licence and origin."""

import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from resources.packaging import PROGRAM, SUMMARY
from resources.packaging.facts import BuildFacts
from resources.packaging.licences import shipped, system_packages

# Of those whose metadata says it in words that are no SPDX expression.
SAID = {
    "backports-tarfile": "MIT",
    "jaraco-classes": "MIT",
    "colorama": "BSD-3-Clause",
    "pyluach": "MIT",
    "sqlcipher3": "Zlib",
    "sseclient-py": "Apache-2.0",
    "uvloop": "MIT OR Apache-2.0",
    "aiosignal": "Apache-2.0",
    "pyside6-essentials": "LGPL-3.0-only",
    "shiboken6": "LGPL-3.0-only",
}


def write(facts: BuildFacts, packed: Path, target: Path) -> None:
    """Write the bill as CycloneDX 1.6, JSON; the same packages give the same bytes."""
    bill = Bom(serial_number=uuid5(NAMESPACE_URL, f"{PROGRAM}/{facts.label}/{facts.commit}"))
    bill.metadata.timestamp = facts.at
    bill.metadata.component = Component(
        name=PROGRAM, version=facts.label, type=ComponentType.APPLICATION, description=SUMMARY,
        licenses=[_licence("Apache-2.0")], bom_ref=PROGRAM,
    )  # fmt: skip
    parts = [*_packages(packed), *_built_in(), *(_system(packed) if sys.platform == "linux" else ())]
    bill.components.update(parts)
    bill.register_dependency(bill.metadata.component, parts)
    text = make_outputter(bill, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1)
    target.write_text(text + "\n", encoding="utf-8")


def _licence(expression: str):  # noqa: ANN202 - one of three types of the library
    return LicenseFactory().make_from_string(expression)


def _component(name: str, version: str, licence: str, url: PackageURL | None = None) -> Component:
    return Component(
        name=name, version=version, type=ComponentType.LIBRARY, purl=url, bom_ref=f"{name}@{version}",
        licenses=[_licence(licence)] if licence else [],
    )  # fmt: skip


def _packages(packed: Path) -> Iterator[Component]:
    for each in shipped(packed):
        name = canonicalize_name(each.name)
        if name != PROGRAM:
            licence = SAID.get(name) or each.metadata.get("License-Expression") or ""
            yield _component(name, each.version, licence, PackageURL("pypi", None, name, each.version))


def _built_in() -> Iterator[Component]:
    from sqlcipher3 import dbapi2

    link = dbapi2.connect(":memory:")
    link.execute("PRAGMA key = 'x'")  # it tells of its provider only then
    cipher = link.execute("PRAGMA cipher_version").fetchone()[0].split()[0]
    crypto = link.execute("PRAGMA cipher_provider_version").fetchone()[0].split()[1]
    link.close()
    yield _component("python", platform.python_version(), "PSF-2.0")
    yield _component("qt", metadata.version("PySide6-Essentials"), "LGPL-3.0-only")
    yield _component("sqlcipher", cipher, "BSD-3-Clause")
    yield _component("sqlite", dbapi2.sqlite_version, "blessing")
    yield _component("openssl", crypto, "Apache-2.0")


def _system(packed: Path) -> Iterator[Component]:
    for package in system_packages(packed):
        url = PackageURL("deb", "debian", package.name, package.version)
        yield _component(package.name, package.version, "", url)
