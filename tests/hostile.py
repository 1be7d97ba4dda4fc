"""Hostile strings: labels, names and titles that are to be text wherever they appear.

`FEW` has one of each kind, for tests that open a page or start a program for each.
`SAMPLES` holds known attacks one by one, each for a format or a reader that might act on it; what
runs calls `alert`, which the fixture `open_page` notices. `hostile` mixes their pieces into as many
strings as a test wants, the same ones each time.
"""

from random import Random

FEW = [
    '"quoted"',
    "<script>alert(1)</script>",
    "back\\slash \\N \\G \\n \\",
    "two\nlines\r\n\ttab",
    "😀 é ∂ 漢字",
    "<b>&amp;</b> &lt; ]]> -->",
    "{a|b} %s $x$ `x` 'x' ;",
    "\x00\x01\x7f\ud800\uffff\u2028",
    "x" * 10_000,
]

SAMPLES = [
    # HTML and SVG
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)' autofocus onfocus='alert(1)",
    "<iframe srcdoc='<script>parent.alert(1)</script>'>",
    "</title></style></textarea></svg><script>alert(1)</script>",
    "<!-- --!> <!--><script>alert(1)</script>",
    "<![CDATA[ ]]><script>alert(1)</script>",
    "]]>",
    "-->",
    "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#x3c;script&#x3e;alert(1)&#60;/script&#62; &amp;amp; &nbsp &unknown;",
    "javascript:alert(1)",
    "<a href='java\tscript:alert(1)' xlink:href='javascript:alert(1)'>x</a>",
    "<style>@import 'http://example.invalid/x.css'; * { display: none }</style>",
    "<base href='http://example.invalid/'><link rel=stylesheet href=x.css>",
    "<plaintext>",
    # scripts
    "${alert(1)}",
    "`${alert(1)}`",
    "';alert(1);//",
    '";alert(1);//',
    "\\';alert(1);//",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "\u2028alert(1)\u2029",
    "{{constructor.constructor('alert(1)')()}} {% raw %} #{7*7} <%= 7*7 %>",
    "__proto__",
    "constructor",
    # DOT
    '"]; evil [label="',
    "a -> b; subgraph cluster_x { }",
    "<b>bold</b>",
    "<<table><tr><td>x</td></tr></table>>",
    "<",
    ">",
    "<>",
    "\\N \\G \\L \\E \\T \\H \\l \\r \\n",
    "\\",
    '\\"',
    "x:nw",
    "v0",
    "{a|b|<port> c}",
    "// no comment /* none either */ # nor this",
    # LaTeX
    "\\input{/etc/passwd}",
    "\\write18{touch hacked}",
    "\\immediate\\openout5=hacked \\csname end\\endcsname \\catcode`\\%=12",
    "$x$ $$y$$ \\(z\\) \\[w\\]",
    "% # $ _ ^ ~ & { } \\",
    "}{\\def\\x{\\x}\\x",
    "x_{",
    "x_}",
    "x_{1}_{2}^^M",
    "\\end{document}",
    "αβγΔΛΩς ∂∇∞−·×′ éß",
    # tables, format strings, shells, paths
    "=cmd|' /C calc'!A0",
    "+1+cmd()",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    "＝cmd()",
    'a,"b"\r\nc;d',
    "%s %n %(x)s {0} {x.__class__} {{}}",
    "$(touch hacked) `touch hacked` | & ; > hacked",
    "../../hacked",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J",
    "[red]markup[/red] [link=http://example.invalid]x[/link] [/]",
    # characters
    "",
    " ",
    "\x00",
    "".join(map(chr, range(32))) + "\x7f\x80\x85\x9f",
    "two\nlines\r\nand\ta tab\x0b\x0c",
    "\ud800",
    "\udfff\ud800 \udc41",
    "\ufffe\uffff\U0001ffff",
    "\u202etxet desrever\u202c \u2066isolated\u2069 \u061c\u200f",
    "in\u200bvis\u200di\u2060ble\ufeff\u00ad\u034f\u180e",
    "Z" + "\u0351\u0489\u0335" * 200,
    "😀👩‍👩‍👧‍👦🏳️‍🌈 é ∂ 漢字 عربى \U000e0041",
    "\u00a0\u3000\u2003",
    "ＦＵＬＬ ｗｉｄｔｈ ﬁ K Å",
    "x" * 10_000,
    "<" * 10_000,
    "\\" * 9_999,
    '"' * 9_999,
    "&" * 10_000,
]

_PIECES = [
    *(sample for sample in SAMPLES if len(sample) < 100),
    *"<>\"'&\\`$%#_^~{}[]()|;:=+-@!?/ \n\r\t\0\ud83d\ude00\u202e\u200b\u0301∂x1",
    *("</", "<!--", "--", "]]", "&#", "\\u", "onload=", "http://example.invalid/", "x_{", "}}"),
]


def hostile(count: int = 10_000, seed: int = 0) -> list[str]:
    """So many different strings: the samples first, then mixtures of their pieces."""
    random = Random(seed)
    found = dict.fromkeys(SAMPLES[:count])
    while len(found) < count:
        mixed = "".join(random.choices(_PIECES, k=random.randint(2, 6)))
        found[mixed[: random.choice((9, 39, 41, 400))]] = None  # pieces end anywhere
    return list(found)
