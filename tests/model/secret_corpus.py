"""Secrets as they look in the wild, and what only looks like one; made up anew in pieces: no key stands here."""

from __future__ import annotations

import random
import string
from typing import Final

_PICK: Final = random.Random(20261128)
_MIXED: Final = string.ascii_letters + string.digits
_LOWER: Final = string.ascii_lowercase + string.digits
_UPPER: Final = string.ascii_uppercase + string.digits
_HEX: Final = "0123456789abcdef"
_URL: Final = _MIXED + "_-"


def some(alphabet: str, size: int) -> str:
    """Return random characters; the first three are a letter of each case and a digit where the alphabet has them."""
    first = [next((c for c in _PICK.sample(alphabet, len(alphabet)) if kind(c)), "") for kind in _KINDS]
    return "".join([*first, *_PICK.choices(alphabet, k=size)])[:size]


_KINDS: Final = (str.islower, str.isupper, str.isdigit)

#: Name → text with a secret between « and ».
SECRETS: Final = {
    "openai, old": f"«{'sk' + '-'}{some(_MIXED, 20)}T3BlbkFJ{some(_MIXED, 20)}»",
    "openai, project": f"OpenAI(api_key := «{'sk' + '-proj-'}{some(_URL, 74)}T3BlbkFJ{some(_URL, 74)}»)",
    "openai, service": f"«{'sk' + '-svcacct-'}{some(_URL, 60)}»",
    "anthropic": f"«{'sk' + '-ant-api03-'}{some(_URL, 93)}AA»",
    "openrouter": f"«{'sk' + '-or-v1-'}{some(_HEX, 64)}»",
    "groq": f"«{'gsk' + '_'}{some(_MIXED, 52)}»",
    "xai": f"«{'xai' + '-'}{some(_MIXED, 80)}»",
    "perplexity": f"«{'pplx' + '-'}{some(_MIXED, 48)}»",
    "replicate": f"«{'r8' + '_'}{some(_MIXED, 37)}»",
    "huggingface": f"«{'hf' + '_'}{some(string.ascii_letters, 34)}»",
    "nvidia": f"«{'nvapi' + '-'}{some(_URL, 64)}»",
    "langsmith": f"«{'lsv2' + '_pt_'}{some(_HEX, 32)}_{some(_HEX, 10)}»",
    "pinecone": f"«{'pcsk' + '_'}{some(_MIXED, 5)}_{some(_MIXED, 63)}»",
    "tavily": f"«{'tvly' + '-'}{some(_MIXED, 32)}»",
    "aws": f"«{'AK' + 'IA'}{some(_UPPER, 16)}» with «{some(_MIXED + '/+', 40)}»",
    "aws, session": f"«{'AS' + 'IA'}{some(_UPPER, 16)}»",
    "google": f"https://maps.example/api?x=1&k=«{'AI' + 'za'}{some(_URL, 35)}»",
    "google, oauth": f"«{'GOC' + 'SPX-'}{some(_URL, 28)}»",
    "google, access": f"«{'ya' + '29.'}a0{some(_URL, 60)}»",
    "github": f"git clone with «{'gh' + 'p_'}{some(_MIXED, 36)}»",
    "github, fine": f"«{'github' + '_pat_'}{some(_MIXED, 22)}_{some(_MIXED, 59)}»",
    "gitlab": f"«{'gl' + 'pat-'}{some(_URL, 20)}»",
    "slack": f"«{'xox' + 'b-'}{some(string.digits, 12)}-{some(string.digits, 12)}-{some(_MIXED, 24)}»",
    "slack, app": f"«{'xa' + 'pp-'}1-A{some(_UPPER, 10)}-{some(string.digits, 13)}-{some(_HEX, 64)}»",
    "slack, hook": f"https://hooks.slack.com/services/«T{some(_UPPER, 8)}/B{some(_UPPER, 8)}/{some(_MIXED, 24)}»",
    "stripe": f"«{'sk' + '_live_'}{some(_MIXED, 24)}»",
    "stripe, hook": f"«{'wh' + 'sec_'}{some(_MIXED, 32)}»",
    "sendgrid": f"«{'S' + 'G.'}{some(_URL, 22)}.{some(_URL, 43)}»",
    "twilio": f"«{'S' + 'K'}{some(_HEX, 32)}»",
    "telegram": f"bot«{some(string.digits, 10)}:{'A' + 'A'}{some(_URL, 33)}»",
    "npm": f"//registry.example/:_authToken=«{'np' + 'm_'}{some(_MIXED, 36)}»",
    "pypi": f"«{'py' + 'pi-'}AgEIcHlwaS5vcmc{some(_URL, 140)}»",
    "docker": f"«{'dckr' + '_pat_'}{some(_URL, 27)}»",
    "digitalocean": f"«{'do' + 'p_v1_'}{some(_HEX, 64)}»",
    "databricks": f"«{'da' + 'pi'}{some(_HEX, 32)}»",
    "vault": f"«{'hv' + 's.'}{some(_URL, 90)}»",
    "shopify": f"«{'shp' + 'at_'}{some(_HEX, 32)}»",
    "linear": f"«{'lin' + '_api_'}{some(_MIXED, 40)}»",
    "notion": f"«{'nt' + 'n_'}{some(_MIXED, 46)}»",
    "jwt": f"token «{'ey' + 'J'}{some(_URL, 33)}.{'ey' + 'J'}{some(_URL, 60)}.{some(_URL, 43)}» expired",
    "private key": f"«{'-' * 5}BEGIN {'PRIVATE' + ' KEY'}{'-' * 5}\n{some(_MIXED, 64)}\n{some(_MIXED, 30)}=\n"
    f"{'-' * 5}END {'PRIVATE' + ' KEY'}{'-' * 5}»",
    "database": f"postgresql+psycopg://app:«{some(_MIXED, 16)}»@db.internal:5432/app",
    "redis": f"rediss://default:«{some(_MIXED, 30)}»@cache.example.net:6379/0",
    "azure, header": f"{{'api-key': '«{some(_HEX, 32)}»', 'Content-Type': 'application/json'}}",
    "azure, connection": f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=«{some(_MIXED + '+/', 86)}==»",
    "bearer": f"curl -H 'Authorization: Bearer «{some(_URL, 40)}»' https://api.example.com",
    "basic": f"Authorization: Basic «{some(_MIXED, 24)}==»",
    "environment": f"DATADOG_API_KEY=«{some(_HEX, 32)}»",
    "command line": f"docker login --username me --password «{some(_LOWER, 12)}» registry.example.com",
    "in code": f'client = Client(client_secret="«{some(_URL, 32)}»", retries=3)',
    "cookie": f"Cookie: «sessionid={some(_LOWER, 32)}»",
}

#: What has the form of a secret only at first sight, or names one without giving it.
HARMLESS: Final = (
    f"commit {some(_HEX, 40)} of main",
    f"sha256:{some(_HEX, 64)}",
    f"md5 {some(_HEX, 32)}",
    f"request {some(_HEX, 8)}-{some(_HEX, 4)}-4{some(_HEX, 3)}-a{some(_HEX, 3)}-{some(_HEX, 12)} took 3 s",
    f"chatcmpl-{some(_MIXED, 29)}",
    f"resp_{some(_HEX, 48)}",
    f"call_{some(_MIXED, 24)}",
    f"toolu_01{some(_MIXED, 22)}",
    f"msg_01{some(_MIXED, 22)}",
    f"file-{some(_MIXED, 24)}",
    f"trace 00-{some(_HEX, 32)}-{some(_HEX, 16)}-01",
    f"arn:aws:iam::{some(string.digits, 12)}:role/service-role/my-function-role",
    f"data:image/png;base64,{some(_MIXED, 200)}",
    f"https://example.com/p/{some(_MIXED, 11)}?utm_source=newsletter&page=2",
    f"s3://bucket/prefix/{some(_LOWER, 30)}.parquet",
    f"etag W/{some(_HEX, 32)}",
    "the quick-brown-fox-jumps-over-the-lazy-dog and so on",
    "risk-adjusted returns, task-oriented dialogue, desk-based research-and-development",
    "an internationalization-and-localization-friendly framework",
    "max_completion_tokens=4096, temperature=0.2, top_p=1",
    "usage: prompt_tokens: 12345678, completion_tokens: 1234, total_tokens: 12346912",
    "tokenizer=cl100k_base, vocab_size: 100277, eos_token: <|endoftext|>",
    "What is your password policy? Passwords: at least eight letters.",
    "I forgot my password, please help me to reset it.",
    "Please enter your API key: it is on the settings page.",
    "The secret of good tea: water that is not too hot.",
    "password: str, token: str | None = None, api_key: SecretStr",
    "api_key = os.getenv('OPENAI_API_KEY')",
    "token=get_token(user), secret=vault.read(path)",
    "headers = {'Authorization': f'Bearer {token}'}",
    "Authorization: Bearer $TOKEN",
    'auth="<token>" or Authorization: Bearer ${API_TOKEN}',
    "the bearer of this letter was authorised by the council",
    "key=value, primary_key=true, foreign_key: users.id",
    "author: Smith, authority: WHO, authentic: yes",
    "class SecretSanta: pass; def passwordless_login(): ...",
    "http://user@example.com:8080/path and ssh://git@github.com:22/a/b.git",
    "mailto:bob@example.com, @handle, foo@bar",
    "-----BEGIN CERTIFICATE REQUEST----- is how a request begins",
    "ratio 16:9 at 12:30:45, see 1.2.3.4 and std::vector<int>::iterator",
    "SKU SK-2024-000123-AB, order AK-47, AKIA is a prefix, sk- is one too",
    "ghp_ and gho_ are prefixes, hf_hub_download is a function, xoxo",
    "SELECT token, secret FROM sessions WHERE password IS NULL",
    '{"password": null, "token": "", "api_key": false}',
    "--password-stdin --token-file ~/.token --no-auth",
)
