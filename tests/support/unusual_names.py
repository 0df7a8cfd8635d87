"""Names of files that people have, and that any of them must come whole by, for whoever may read them."""

from __future__ import annotations

UNUSUAL_NAMES = {
    "a semicolon": "a;b.txt",
    "a no-break space": "a\u00a0b.txt",
    "macOS's screenshot": "Bildschirmfoto 2026-01-01 um 9.41.00\u202fAM.png",
    "an ideographic space": "\u56f3\u30001.png",
    "a joined emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f467.txt",
    "a backslash": "data\\table.csv",
    "a line separator": "a\u2028b.txt",
    "a soft hyphen": "a\u00adb.txt",
    "right to left": "\u202egnp.exe",
    "a private character": "a\ue000b.txt",
    "a control of Latin-1": "a\u0085b.txt",
    "a colon": "12:30.log",
    "quotes": "'a' \"b\" `c`.txt",
    "brackets": "[a]{b}<c>|d^.txt",
    "a percent sign": "100%.txt",
    "no escape": "100%zz.txt",
    "signs of URLs": "a&b=c+d,e@f!g$h(i)*~.txt",
    "an accent of its own": "u\u0308.txt",
    "dots": "...",
    "a dot at the end": "end.",
}
