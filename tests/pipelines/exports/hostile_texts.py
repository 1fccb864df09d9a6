"""Texts that break careless readers and generators: a few hundred, by kind."""

from __future__ import annotations

from itertools import chain

WORST = [
    "\"quoted\": 'said' --- {{ site.secret_value }} {% raw %} {{< figure src=x >}} {{% bad %}}",
    "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>",
    "line\u2028separator \u202eright to left\u202c \ufeff \x85 tab\tend",
    "שלום עולם مرحبا بالعالم",
    "emoji 🚢👩‍👩‍👧‍👦 and 𠀀",
    "'; DROP TABLE posts; -- =1+1 %s %d {0} {shareLink} &amp; &lt; ]]>",
    "true",
    "007",
    "{:.cls onclick=\"document.title='owned'\"}",
    "...",
]
# Texts without blanks.
SCALARS = """
true false True FALSE yes no on off y n null Null ~ 0 1 -1 +1 007 08 0x1f 0o17 0b1 1_000 1e3 1. .5 1.5 .inf -.inf .nan
NaN Infinity 12:30 12:30:45 190:20:30 2026-01-01 2026-01-01T10:00:00Z 20260101 01/02/2026 = <<: --- ... -- {} [] "" ''
"""
MARKUP = r"""
<b>x</b> <br> </title><script>document.title='owned'</script> <img/src=x/onerror=document.title='owned'> <!--x
&amp; &lt; &#123; &#x7b; &nbsp; &notanentity; &copy &quot; AT&T a&b <a a<b> *x* **x** _x_ __x__ ~~x~~ [x](y) ![x](y)
[x]:y |a|b| $$x$$ \(x\) ==x== :smile: <http://x.example> http://x.example/?a=b&c=d#e
"""
FORMULAS = """=1+1 +1+cmd -1+1 @SUM(A1) =HYPERLINK("http://x.example") ＝1 ";=1 ,,, 'x="""
QUOTES = r"""' '' " "" “x” ‘x’ «x» „x“ 「x」 ‹x› `x` 'x x' "x x" it's "x"y 'x'y \' \" \n \u0000 \x00 \\"""
FILE_NAMES = r"""
CON con nul.txt COM1 aux. PRN lpt1 a. ...a .. ../.. /etc/passwd C:\x a/b a\b a?b a*b a|b a:b a"b %2e%2e %00 % 100% a%20b
?a=b #x a;b a+b ~a -rf --help index.html feed.xml _posts _drafts sitemap.xml .git .nojekyll category tag page
Jazz JAZZ jazz straße STRASSE ıi Iİ ſ K
"""
SCRIPTS = """
e\u0301 é ﬁ ﬀ Ǆ ﷺ 한국어 ภาษาไทย हिन्दी 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠀀𪛖 🇨🇭 👍🏽 ①½² ＡＢＣ１２３ \ufffd \ue000 \u0600x \u180ex \U0010fffd
"""
# Texts with blanks, one on each line.
TEMPLATES = """\
{{ site.secret_value }}
{{{ x }}} {{- x -}} {{ '{{' }}
{% raw %}
{% endraw %} {{ site.secret_value }}
{% include x %} {%- comment -%} {# x #}
{{< figure src=x >}} {{% bad %}} {{</* x */>}}
{{ define `x` }} {{ end }}
<% x %> <%= x %> <?php x ?> <!--more-->
${x} #{x} %{x} @{x} $x
{0} {x!r} %s %d %(x)s
$(id) `id` $HOME !! !$
]]> <![CDATA[x
{:.cls onclick="document.title='owned'"}
{::options /} {: #a}"""
MARKDOWN = """\
# x
## x #
* x
- x
+ x
1. x
> x
```x
: x
[^1]: x
[x]: y "z"
***
==="""
QUERIES = """\
' OR 1=1 --
'; DROP TABLE posts; --
a" OR "b
NEAR(a b) AND
=cmd|'/c calc'!A0
; rm -rf x"""
DIRECTIONS = """\
abc שלום 123
مرحبا بالعالم (x)
🚢👩‍👩‍👧‍👦 and 👩🏽‍🚀"""
# A sign of YAML means something alone, before or behind a word, and inside a line.
YAML_SIGNS = ["-", "?", ":", ",", "[", "]", "{", "}", "#", "&", "*", "!", "|", ">", "'", '"', "%", "@", "`", "<<", "\\"]
# Blanks, joiners, marks of direction, ends of lines, controls and what is no character.
INVISIBLE = [
    *"\t\v\f\r\n\x85\xa0\xad\u034f\u061c\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202e\u2060\u2066\u2069\u3000"
]
INVISIBLE += [*"\x01\x08\x1b\x7f\x9f\ufffe\uffff", "\ufeff", "\ufff9", "\U000e0041", "\r\n", "\n---\n"]
LONG = [
    "长" * 200,
    "x" * 300,
    "a b " * 150,
    "é" * 130,
    "🚢" * 70,
    "<b>" * 100,
    "{" * 100,
    "a-" * 150,
    "Z" + "\u0351" * 60,
]


def list_texts() -> list[str]:
    """Return all of them, each once and the worst first."""
    words = (SCALARS, MARKUP, FORMULAS, QUOTES, FILE_NAMES, SCRIPTS)
    lines = (TEMPLATES, MARKDOWN, QUERIES, DIRECTIONS)
    signs = chain.from_iterable((sign, f"{sign} a", f"a{sign}", f"a{sign} b", f"a {sign}b") for sign in YAML_SIGNS)
    invisible = chain.from_iterable((f"a{sign}b", f"{sign}ab", f"ab{sign}") for sign in INVISIBLE)
    texts = chain(
        WORST, *(text.split() for text in words), *(text.split("\n") for text in lines), signs, invisible, LONG
    )
    return list(dict.fromkeys(texts))
