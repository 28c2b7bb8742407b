"""The installer for Windows, as far as Linux can tell: it compiles, and says what it must."""

from resources.packaging import pictures, windows


def test_installer_compiles_without_a_warning(program, tmp_path):
    target = tmp_path / "investiq-1-setup.exe"

    windows.build(program, target, "0.1.0", pictures.icon_file(tmp_path / "pictures"))

    assert target.read_bytes().startswith(b"MZ")


def test_installer_asks_before_profiles_go_and_keeps_them_where_nobody_answers():
    script = windows.SCRIPT.read_text()
    removing = script.index('RMDir /r "${PROFILES}"')
    asking = script.rindex("MessageBox MB_YESNO", 0, removing)

    assert "MB_DEFBUTTON2" in script[asking:removing]
    assert "/SD IDNO IDNO kept" in script[asking:removing]
    assert script.count("${PROFILES}") == script[script.index('Section "Uninstall"') :].count("${PROFILES}")
    assert "RequestExecutionLevel user" in script
    assert "HKLM" not in script
