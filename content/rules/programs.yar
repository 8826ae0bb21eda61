// Programs, and things that start programs, whatever their name says.

rule eicar_test_file
{
    meta:
        severity = "high"
        action = "quarantine"
        en = "Contains the EICAR anti-virus test file."
        de = "Enthält die EICAR-Testdatei für Virenscanner."
    strings:
        // In hexadecimal, so that no virus scanner takes this file for the real thing.
        $eicar = { 58 35 4F 21 50 25 40 41 50 5B 34 5C 50 5A 58 35 34 28 50 5E 29 37 43 43 29 37 7D 24
                   45 49 43 41 52 2D 53 54 41 4E 44 41 52 44 2D 41 4E 54 49 56 49 52 55 53 2D 54 45 53
                   54 2D 46 49 4C 45 21 24 48 2B 48 2A }
    condition:
        $eicar
}

rule windows_program
{
    meta:
        severity = "high"
        action = "quarantine"
        en = "Is a Windows program."
        de = "Ist ein Windows-Programm."
    condition:
        window == 0 and uint16(0) == 0x5A4D and uint32(uint32(0x3C)) == 0x00004550
}

rule windows_program_inside
{
    meta:
        severity = "high"
        action = "quarantine"
        en = "Hides a Windows program inside another file."
        de = "Versteckt ein Windows-Programm in einer anderen Datei."
    strings:
        $stub = "This program cannot be run in DOS mode"
        $stub_old = "This program must be run under Win32"
    condition:
        // The stub's text follows the MZ header at 0x4E (0x50 for the old linker); prose about it does not.
        for any i in (1..#stub) : (@stub[i] >= 0x4E and uint16(@stub[i] - 0x4E) == 0x5A4D)
        or for any i in (1..#stub_old) : (@stub_old[i] >= 0x50 and uint16(@stub_old[i] - 0x50) == 0x5A4D)
}

rule unix_program
{
    meta:
        severity = "high"
        action = "quarantine"
        en = "Is a Linux or macOS program."
        de = "Ist ein Linux- oder macOS-Programm."
    condition:
        window == 0 and (
            uint32(0) == 0x464C457F
            or uint32(0) == 0xFEEDFACE or uint32(0) == 0xFEEDFACF
            or uint32be(0) == 0xFEEDFACE or uint32be(0) == 0xFEEDFACF
        )
}

rule unix_program_inside
{
    meta:
        severity = "high"
        action = "quarantine"
        en = "Hides a Linux program inside another file."
        de = "Versteckt ein Linux-Programm in einer anderen Datei."
    strings:
        // Header of a 32- or 64-bit ELF, little endian, version 1, with seven bytes of padding, executable or library.
        $elf = { 7F 45 4C 46 (01 | 02) 01 01 ?? ?? 00 00 00 00 00 00 00 (02 | 03) 00 }
    condition:
        $elf
}

rule java_or_android_program
{
    meta:
        severity = "high"
        action = "quarantine"
        en = "Is a Java or Android program."
        de = "Ist ein Java- oder Android-Programm."
    condition:
        window == 0 and (
            // 0xCAFEBABE is a Java class or a macOS program for several processors.
            uint32be(0) == 0xCAFEBABE or (uint32be(0) == 0x6465780A and uint8(7) == 0)
        )
}

rule windows_shortcut
{
    meta:
        severity = "high"
        action = "quarantine"
        en = "Is a Windows shortcut, which can start programs."
        de = "Ist eine Windows-Verknüpfung; sie kann Programme starten."
    condition:
        window == 0 and uint32(0) == 0x0000004C and uint32(4) == 0x00021401
}

// Lesson sources begin so too, and nothing runs them.
rule script_program
{
    meta:
        severity = "info"
        action = "note"
        en = "Starts like a script for the command line."
        de = "Beginnt wie ein Skript für die Kommandozeile."
    strings:
        $interpreter = /#![ \t]?\/(usr\/)?(local\/)?bin\/[a-z]/
        $batch = "@echo off" nocase
    condition:
        window == 0 and ($interpreter at 0 or $batch at 0)
}

rule downloads_and_runs
{
    meta:
        severity = "medium"
        action = "review"
        en = "Contains commands that download and run programs."
        de = "Enthält Befehle, die Programme herunterladen und starten."
    strings:
        $encoded = /powershell(\.exe)?\s[^\n]{0,80}-e(nc|ncodedcommand)?\s+[A-Za-z0-9+\/=]{40}/ nocase
        // With an address or a call behind them: the bare words stand side by side in every list of keywords.
        $cradle = /\b(iex|invoke-expression)[\s(&'"]{1,8}new-object\s+(system\.)?net\.webclient\s?\)?\s?\.download(string|file|data)/ nocase
        $direct = /\b(iex|invoke-expression)[\s(&'"]{1,8}(irm|iwr|curl|wget|invoke-webrequest|invoke-restmethod)\s+(-\w+\s+){0,4}['"]?https?:/ nocase
        $piped = /(irm|iwr|invoke-webrequest|invoke-restmethod|downloadstring\()\s{0,4}[^\n|]{0,40}https?:[^\n|]{0,200}\|\s{0,4}(iex|invoke-expression)\b/ nocase
        $certutil = /certutil(\.exe)?\s[^\n]{0,40}-urlcache/ nocase
        $mshta = /mshta(\.exe)?\s+["']?(https?|javascript|vbscript):/ nocase
        $bitsadmin = /bitsadmin(\.exe)?\s[^\n]{0,40}\/transfer/ nocase
    condition:
        any of them
}

rule archive_behind_an_image
{
    meta:
        severity = "medium"
        action = "review"
        en = "An image with an archive attached."
        de = "Ein Bild mit einem angehängten Archiv."
    strings:
        $zip = { 50 4B 05 06 00 00 00 00 }
        $rar = { 52 61 72 21 1A 07 }
    condition:
        extension matches /^(jpe?g|png|gif|webp|mp3|mp4|webm)$/ and any of them
}

rule program_text_in_an_image
{
    meta:
        severity = "medium"
        action = "review"
        en = "An image with program text for a web server or browser in it."
        de = "Ein Bild mit Programmtext für Webserver oder Browser darin."
    strings:
        $php = "<?php" nocase
        $script = /<script[\s>]/ nocase
    condition:
        extension matches /^(jpe?g|png|gif|webp)$/ and any of them
}
