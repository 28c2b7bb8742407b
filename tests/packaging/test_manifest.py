"""The signed list of a release, and the stand-alone check that a person runs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resources.packaging import manifest
from tests.arch.source import ROOT

SCRIPT = ROOT / "resources" / "verify_release.py"
SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"  # RFC 8032, 7.1, test 1
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def key_file(folder: Path, text: str = SEED) -> Path:
    path = folder / "release.key"
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def release(tmp_path, facts) -> Path:
    folder = tmp_path / "release"
    folder.mkdir()
    for name, content in (("investiq_1_amd64.deb", b"a package"), ("investiq-1.cdx.json", b"{}")):
        (folder / name).write_bytes(content)
    manifest.write(folder, folder.iterdir(), facts, manifest.signing_key(key_file(tmp_path)))
    return folder


def check(folder: Path, *names: str, key: str = PUBLIC) -> tuple[int, str]:
    # -I: nothing of the checkout or of the environment can be imported.
    command = [sys.executable, "-I", str(SCRIPT), str(folder / manifest.NAME), "--key", key, *names]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def test_release_passes_the_script_with_its_key(release):
    code, said = check(release)

    assert (code, "3 files of InvestIQ 0.1.0+1" in said, "UNOFFICIAL" in said) == (0, True, False)


def test_release_passes_with_the_usual_tool(release):
    ran = subprocess.run(["sha256sum", "-c", manifest.SUMS], cwd=release, capture_output=True, check=False)

    assert ran.returncode == 0


def test_named_file_is_checked_alone(release):
    (release / "investiq-1.cdx.json").unlink()

    assert check(release, "investiq_1_amd64.deb")[0] == 0
    assert check(release, "investiq-1.cdx.json") == (
        1,
        "FAIL  investiq-1.cdx.json is not there\nDo not install it.\n",
    )
    assert check(release, "other.deb")[0] == 1


def test_package_with_one_bit_turned_is_refused(release):
    package = release / "investiq_1_amd64.deb"
    raw = bytearray(package.read_bytes())
    raw[3] ^= 1
    package.write_bytes(bytes(raw))

    code, said = check(release)
    sums = subprocess.run(["sha256sum", "-c", manifest.SUMS], cwd=release, capture_output=True, check=False)

    assert (code, "is not the file that was released" in said) == (1, True)
    assert sums.returncode == 1


def test_every_bit_of_the_manifest_and_of_its_signature_counts(release):
    for name in (manifest.NAME, manifest.SIGNATURE):
        whole = (release / name).read_bytes()
        for place in range(0, len(whole) - 1, 97):
            (release / name).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])

            assert check(release)[0] == 1, (name, place)
        (release / name).write_bytes(whole)


def test_manifest_that_names_another_digest_is_refused_before_a_file_is_read(release):
    path = release / manifest.NAME
    found = json.loads(path.read_text())
    (release / "investiq_1_amd64.deb").write_bytes(b"another")
    found["files"][1] |= {"sha256": manifest.sha256_of(release / "investiq_1_amd64.deb"), "bytes": 7}
    path.write_text(json.dumps(found))

    assert check(release) == (
        1,
        "FAIL  the manifest was not signed with this key, or was changed since\nDo not install it.\n",
    )


def test_key_of_somebody_else_is_refused(release, tmp_path):
    other = manifest.signing_key(None).public_hex

    assert check(release, key=other)[0] == 1


def test_signature_over_the_bare_manifest_is_none(release, tmp_path):
    private = manifest.signing_key(key_file(tmp_path)).private
    raw = (release / manifest.NAME).read_bytes()
    (release / manifest.SIGNATURE).write_text(private.sign(raw).hex())

    assert check(release)[0] == 1


def test_file_name_that_leads_elsewhere_is_refused_though_signed(release, tmp_path, facts):
    private = manifest.signing_key(key_file(tmp_path)).private
    found = json.loads((release / manifest.NAME).read_text())
    found["files"][0]["name"] = "../outside"
    raw = json.dumps(found).encode()
    (release / manifest.NAME).write_bytes(raw)
    (release / manifest.SIGNATURE).write_text(private.sign(manifest.signed_bytes(raw)).hex())

    code, said = check(release)

    assert (code, "none that this version reads" in said) == (1, True)


def test_build_without_a_key_says_that_it_proves_nothing_about_who_built_it(release, facts):
    key = manifest.signing_key(None)
    manifest.write(release, [release / "investiq_1_amd64.deb"], facts, key)

    code, said = check(release, key=key.public_hex)
    found = json.loads((release / manifest.NAME).read_text())

    assert (code, "UNOFFICIAL" in said) == (0, True)
    assert (found["official"], found["note"]) == (False, manifest.UNOFFICIAL)
    assert manifest.signing_key(None).public_hex != key.public_hex


def test_key_that_others_can_read_or_that_is_none_is_refused_without_being_shown(tmp_path):
    path = key_file(tmp_path)
    path.chmod(0o644)

    with pytest.raises(SystemExit, match="chmod 600"):
        manifest.signing_key(path)
    with pytest.raises(SystemExit, match="64 hexadecimal") as refused:
        manifest.signing_key(key_file(tmp_path, "7" * 10))
    assert "7777777777" not in str(refused.value).replace(str(path), "")


def test_missing_signature_or_manifest_is_wrong_usage(release):
    shutil.move(release / manifest.SIGNATURE, release / "elsewhere")

    assert check(release)[0] == 2
    assert check(release, key="12")[0] == 2


def test_repository_has_no_private_key():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert not [name for name in tracked.split() if name.endswith((".key", ".pem")) or "release.key" in name]
