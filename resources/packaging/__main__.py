"""`make dist`: builds the program and every package of it, lists them and signs the list."""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from resources.packaging import PROGRAM, ROOT, TITLE, bill, contents, facts, licences, manifest


def main() -> None:
    """Build what is asked for into `dist/`."""
    options = argparse.ArgumentParser(prog="python -m resources.packaging", description=__doc__)
    options.add_argument("--out", type=Path, default=ROOT / "dist", help="where the packages go (dist)")
    options.add_argument("--work", type=Path, default=ROOT / "build", help="for what is in between (build)")
    options.add_argument("--key", type=Path, help="the release key; also INVESTIQ_RELEASE_KEY_FILE")
    options.add_argument("--label", type=facts.checked, help="name the packages otherwise; for trials")
    options.add_argument("--again", action="store_true", help="pack the program folder that is there")
    options.add_argument("--folder", action="store_true", help="build the program folder, and no packages")
    asked = options.parse_args()
    named = os.environ.get("INVESTIQ_RELEASE_KEY_FILE")
    key = manifest.signing_key(asked.key or (Path(named) if named else None))
    made = facts.read(label=asked.label)
    asked.out.mkdir(parents=True, exist_ok=True)
    program = asked.out / PROGRAM
    if not asked.again:
        build(program, asked.work, made)
    if asked.folder:
        return
    files = package(program, asked.work, asked.out, made)
    manifest.write(asked.out, files, made, key)
    say(f"{made.label} is in {asked.out}: {', '.join(path.name for path in files)}")
    if key.is_official:
        say(f"signed with the release key; its public half is {key.public_hex}")
    else:
        say(
            f"UNOFFICIAL: no release key was given. {manifest.UNOFFICIAL} Its public half is {key.public_hex}"
        )


def say(words: str) -> None:
    """Tell whoever runs it."""
    print(f"dist: {words}", flush=True)


def build(program: Path, work: Path, made: facts.BuildFacts) -> None:
    """Build the folder that runs without Python; times and order of hashes come from the commit alone."""
    shutil.rmtree(program, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    known = {
        **os.environ,
        "SOURCE_DATE_EPOCH": str(made.epoch_s),
        "PYTHONHASHSEED": "0",
        "QT_QPA_PLATFORM": "offscreen",
        "PYI_LOG_LEVEL": "ERROR",
    }
    known.pop("PYTHONOPTIMIZE", None)
    generate = ["-O", "-m", "resources.packaging.generated", str(work.resolve() / "generated_code.bin")]
    folders = ["--distpath", str(program.parent.resolve()), "--workpath", str(work.resolve())]
    pack = ["-m", "PyInstaller", "--noconfirm", *folders, str(ROOT / "build.spec")]
    for words in (generate, pack):
        ran = subprocess.run([sys.executable, *words], cwd=ROOT, env=known, check=False)
        if ran.returncode:
            raise SystemExit(f"dist: {words[-1]} was not built")


def package(program: Path, work: Path, out: Path, made: facts.BuildFacts) -> list[Path]:
    """Make papers and packages of the program folder; return every file of the release."""
    packed, papers = work / "packed.json", work / "papers"
    shutil.rmtree(papers, ignore_errors=True)
    papers.mkdir(parents=True)
    licences.collect(packed, papers / "licences")
    (papers / "copyright").write_text(copyright_text(), encoding="utf-8")
    shutil.copyfile(ROOT / "CHANGELOG.md", papers / "changelog")
    bill.write(made, packed, papers / "investiq.cdx.json")
    (program / "_internal" / "resources" / "build.json").write_text(made.text())
    for old in [*out.glob(f"{PROGRAM}_*.deb"), *out.glob(f"{PROGRAM}-*")]:
        old.unlink()
    files = []
    for name, text in (
        (f"{PROGRAM}-{made.label}.contents", contents.listed(program)),
        (f"{PROGRAM}-{made.label}.cdx.json", (papers / "investiq.cdx.json").read_text()),
    ):
        (out / name).write_text(text)
        files.append(out / name)
    files.append(shutil.copyfile(ROOT / "resources" / "verify_release.py", out / "verify_release.py"))
    return [*files, *for_this_system(program, work, papers, out, made)]


def for_this_system(program: Path, work: Path, papers: Path, out: Path, made: facts.BuildFacts) -> list[Path]:
    """Make the packages that can be made here and nowhere else."""
    if sys.platform == "linux":
        from resources.packaging import debian, portable

        return [each.build(program, papers, work, out, made) for each in (debian, portable)]
    if sys.platform == "win32":
        from resources.packaging import pictures, windows

        setup = out / f"{PROGRAM}-{made.label}-setup.exe"
        shutil.copytree(papers, program / "papers", dirs_exist_ok=True)
        return [windows.build(program, setup, made.label, pictures.icon_file(work / "pictures"))]
    if sys.platform == "darwin":
        image = out / f"{PROGRAM}-{made.label}.dmg"
        bundle = out / f"{TITLE}.app"
        shutil.copytree(papers, bundle / "Contents" / "Resources" / "papers", dirs_exist_ok=True)
        # What is put into a bundle after it was signed breaks its signature: sign it anew, for this computer.
        subprocess.run(["codesign", "--force", "--deep", "--sign", "-", str(bundle)], check=True)
        image.unlink(missing_ok=True)
        make = ["hdiutil", "create", "-volname", TITLE, "-srcfolder", str(bundle), str(image)]
        subprocess.run(make, check=True)
        return [image]
    return []


def copyright_text() -> str:
    """Return what stands in /usr/share/doc/investiq/copyright."""
    return (
        "InvestIQ is under the Apache License, Version 2.0; its text is below.\n"
        "What is packed with it is under licences of its own: each is in licences/ beside this file,\n"
        "and the bill of materials, investiq.cdx.json, names every part with its version.\n\n"
        + (ROOT / "LICENSE").read_text(encoding="utf-8")
    )


if __name__ == "__main__":
    main()
