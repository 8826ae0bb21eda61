// Scripts in web pages: what honest learning units do not need, also where scripts are allowed.

rule script_hides_code
{
    meta:
        severity = "high"
        action = "review"
        en = "A script that unpacks hidden code and runs it."
        de = "Ein Skript, das versteckten Code auspackt und ausführt."
    strings:
        $eval = /\beval\s{0,4}\(\s{0,4}(atob|unescape|decodeURIComponent|String\.fromCharCode)\s{0,4}\(/
        $packer = /\beval\s{0,4}\(\s{0,4}function\s{0,4}\(p,a,c,k,e,/
        $function = /\bFunction\s{0,4}\(\s{0,4}(atob|unescape|decodeURIComponent)\s{0,4}\(/
        $write = /document\.write\s{0,4}\(\s{0,4}(atob|unescape|String\.fromCharCode)\s{0,4}\(/
        $codes = /String\.fromCharCode\s{0,4}\(\s{0,4}(\d{1,5}\s{0,4},\s{0,4}){24}/
        $escapes = /(\\x[0-9a-fA-F]{2}){80}/
    condition:
        extension matches /^(html?|xhtml|js|mjs|svg|json)$/ and any of them
}

rule script_mines_coins
{
    meta:
        severity = "high"
        action = "quarantine"
        en = "A script that mines crypto coins on the reader's machine."
        de = "Ein Skript, das auf dem Rechner der Lesenden Kryptomünzen schürft."
    strings:
        $a = "CoinHive.Anonymous" nocase
        $b = "coinhive.min.js" nocase
        $c = "CryptoLoot.Anonymous" nocase
        $d = "deepMiner.Init" nocase
        $e = "webminepool" nocase
        $f = /stratum\+(tcp|ssl):\/\//
    condition:
        extension matches /^(html?|xhtml|js|mjs|svg|wasm)$/ and any of them
}

rule script_for_windows
{
    meta:
        severity = "high"
        action = "review"
        en = "A script that reaches for Windows outside the browser."
        de = "Ein Skript, das außerhalb des Browsers auf Windows zugreift."
    strings:
        $shell = /new\s+ActiveXObject\s{0,4}\(\s{0,4}["'](WScript\.Shell|Shell\.Application|Scripting\.FileSystemObject|ADODB\.Stream|MSXML2?\.)/ nocase
        $create = /CreateObject\s{0,4}\(\s{0,4}["'](WScript\.Shell|Shell\.Application|ADODB\.Stream)/ nocase
    condition:
        extension matches /^(html?|xhtml|js|mjs|svg)$/ and any of them
}

rule script_watches_the_reader
{
    meta:
        severity = "medium"
        action = "review"
        en = "A script that sends cookies, key strokes or form data away."
        de = "Ein Skript, das Cookies, Tastendrücke oder Formulardaten wegschickt."
    strings:
        $cookie = /(fetch|sendBeacon|XMLHttpRequest|\.src\s{0,4}=|location(\.href)?\s{0,4}=)[^;\n]{0,120}document\.cookie/
        $keys = /(onkeypress|onkeydown|addEventListener\s{0,4}\(\s{0,4}["']key(press|down)["'])[^\n]{0,200}(fetch|sendBeacon|XMLHttpRequest)/
    condition:
        extension matches /^(html?|xhtml|js|mjs|svg)$/ and any of them
}
