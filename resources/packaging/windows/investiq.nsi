; The installer for Windows: for one user, without administrator rights, upgrades in place.
;
;   makensis -DVERSION=0.1.0 -DSOURCE=..\..\..\dist\investiq -DOUTPUT=investiq-setup.exe investiq.nsi
;
; SOURCE is the folder that PyInstaller built. Profiles are in %LOCALAPPDATA%\InvestIQ, the program is in
; %LOCALAPPDATA%\Programs\InvestIQ: neither installing nor upgrading touches the first.

Unicode true
ManifestDPIAware true
SetCompressor /SOLID lzma
RequestExecutionLevel user

!include "MUI2.nsh"
!include "FileFunc.nsh"

!define NAME "InvestIQ"
!define UNINSTALL_KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\${NAME}"
!define PROFILES "$LOCALAPPDATA\InvestIQ"

Name "${NAME} ${VERSION}"
OutFile "${OUTPUT}"
InstallDir "$LOCALAPPDATA\Programs\${NAME}"
InstallDirRegKey HKCU "${UNINSTALL_KEY}" "InstallLocation"
BrandingText "${NAME} ${VERSION}"

!ifdef ICON
  !define MUI_ICON "${ICON}"
  !define MUI_UNICON "${ICON}"
!endif
!define MUI_ABORTWARNING
!define MUI_FINISHPAGE_RUN "$INSTDIR\investiq-window.exe"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

; A program file that runs cannot be opened for writing. Nothing is replaced under a running program.
!macro RefuseWhileRunning un
Function ${un}RefuseWhileRunning
  again:
    IfFileExists "$INSTDIR\investiq.exe" 0 done
    ClearErrors
    FileOpen $0 "$INSTDIR\investiq.exe" a
    IfErrors 0 closed
    MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "${NAME} is open. Close it, then try again." /SD IDCANCEL IDRETRY again
    SetErrorLevel 5
    Quit
  closed:
    FileClose $0
  done:
FunctionEnd
!macroend
!insertmacro RefuseWhileRunning ""
!insertmacro RefuseWhileRunning "un."

; Only what an earlier version put there goes, by the folder that is wholly the program's.
!macro RemoveProgram
  RMDir /r "$INSTDIR\_internal"
  Delete "$INSTDIR\investiq.exe"
  Delete "$INSTDIR\investiq-window.exe"
!macroend

Section "Install"
  Call RefuseWhileRunning
  !insertmacro RemoveProgram
  SetOutPath "$INSTDIR"
  File /r "${SOURCE}${SEPARATOR}*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\${NAME}.lnk" "$INSTDIR\investiq-window.exe" "desktop"
  CreateShortcut "$SMPROGRAMS\${NAME} demo.lnk" "$INSTDIR\investiq-window.exe" "--demo"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayName" "${NAME}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayIcon" "$INSTDIR\investiq-window.exe"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "Publisher" "The InvestIQ project"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  IntFmt $0 "0x%08X" $0
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "EstimatedSize" "$0"
SectionEnd

Section "Uninstall"
  Call un.RefuseWhileRunning
  !insertmacro RemoveProgram
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\${NAME}.lnk"
  Delete "$SMPROGRAMS\${NAME} demo.lnk"
  DeleteRegKey HKCU "${UNINSTALL_KEY}"
  IfFileExists "${PROFILES}\*.*" 0 kept
  ; Without a person to ask, and for whoever just presses Enter, everything stays.
  MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "Delete your profiles, backups and logs as well?$\r$\n$\r$\n${PROFILES}$\r$\n$\r$\nThis cannot be undone." /SD IDNO IDNO kept
  RMDir /r "${PROFILES}"
  kept:
SectionEnd
