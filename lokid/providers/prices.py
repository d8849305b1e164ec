"""Facts of genai-prices 0.2.3, as of 2026-11-24. Written by tools/catalogue.py.

``facts`` reads it and says how. The collection is Pydantic Services', under the MIT licence:
https://github.com/pydantic/genai-prices
"""

AS_OF = "2026-11-24"

SOURCES = {
    "anthropic": r"""
^claude-2 200000 8,24,-,- - *claude-v2
^claude-3-5-haiku 200000 0.8,4,0.08,1 - ^claude-3.5-haiku
^claude-3-5-sonnet 200000 3,15,0.3,3.75 - ^claude-3.5-sonnet
^claude-3-7-sonnet 200000 3,15,0.3,3.75 - ^claude-3.7-sonnet ^claude-sonnet-3.7 ^claude-sonnet-3-7
^claude-3-haiku 200000 0.25,1.25,0.03,0.3 -
^claude-3-opus 200000 15,75,1.5,18.75 -
^claude-3-sonnet 200000 3,15,0.3,3.75 -
claude-fable-5 1000000 10,50,1,12.5 - ~^claude-fable-5-\d{8}$
claude-fable-5-1 1000000 10,50,0.25,12.5 - ~^claude-fable-5-1-\d{8}$
claude-fable-5-2 1000000 8,40,0.2,10 - ~^claude-fable-5-2-\d{8}$
^claude-haiku-4-5 200000 1,5,0.1,1.25 - ^claude-haiku-4.5 ^claude-4-5-haiku ^claude-4.5-haiku
claude-haiku-5-5 1000000 0.1,0.5,0.01,0.125 100000:0.5,2.5,0.05,0.625 ~^claude-haiku-5-5-\d{8}$ ^claude-haiku-5-5@ ^claude-haiku-5.5 ^claude-5-5-haiku ^claude-5.5-haiku
claude-mythos-5-2 1000000 8,40,0.2,10 - ~^claude-mythos-5-2-\d{8}$
claude-opus-4 200000 15,75,1.5,18.75 - claude-opus-4-20250514 ^claude-opus-4-0 ^claude-4-opus
^claude-opus-4-1 200000 15,75,1.5,18.75 - ^claude-opus-4.1
^claude-opus-4-5 200000 5,25,0.5,6.25 - ^claude-opus-4.5 ^claude-4-5-opus ^claude-4.5-opus
^claude-opus-4-6 1000000 5,25,0.5,6.25 - ^claude-opus-4.6 ^claude-4-6-opus ^claude-4.6-opus
^claude-opus-4-7 1000000 5,25,0.5,6.25 - ^claude-opus-4.7 ^claude-4-7-opus ^claude-4.7-opus
^claude-opus-4-8 1000000 5,25,0.5,6.25 - ^claude-opus-4.8 ^claude-4-8-opus ^claude-4.8-opus
claude-opus-5 1000000 5,25,0.5,6.25 - claude-opus-5-latest ~^claude-opus-5[-@]\d{8}$ ~^claude-opus-5-\d{4}-\d{2}-\d{2}$ ^claude-opus-5.0 ^claude-5-opus ^claude-5.0-opus
claude-opus-5-5 1000000 4,20,0.2,5 - ~^claude-opus-5-5-\d{8}$ ^claude-opus-5.5 ^claude-5-5-opus ^claude-5.5-opus
claude-sonnet-4 200000 3,15,0.3,3.75 - ^claude-sonnet-4-2025 ^claude-sonnet-4-0 ^claude-sonnet-4@ ^claude-4-sonnet
^claude-sonnet-4-5 200000 3,15,0.3,3.75 200000:6,22.5,0.6,7.5 ^claude-sonnet-4.5
^claude-sonnet-4-6 1000000 3,15,0.3,3.75 - ^claude-sonnet-4.6
claude-sonnet-5 1000000 2,10,0.2,2.5 - ~^claude-sonnet-5-\d{8}$ ^claude-sonnet-5@ ^claude-sonnet-5.0 ^claude-5-sonnet ^claude-5.0-sonnet
claude-sonnet-5-5 1000000 2,10,0.1,2.5 - ~^claude-sonnet-5-5-\d{8}$ ^claude-sonnet-5-5@ ^claude-sonnet-5.5 ^claude-5-5-sonnet ^claude-5.5-sonnet
claude-v1 - 8,24,-,- -
""",
    "aws": r"""
*amazon.nova-2-sonic 1000000 -,-,-,- -
*amazon.nova-lite 300000 0.06,0.24,0.015,- -
*amazon.nova-micro 128000 0.035,0.14,0.00875,- -
*amazon.nova-premier 1000000 2.5,12.5,0.625,- -
*amazon.nova-pro 300000 0.8,3.2,0.2,- -
*amazon.nova-sonic - -,-,-,- -
$amazon.titan-embed-text 8192 0.1,-,-,- - *amazon.titan-embed-text-v1
*amazon.titan-embed-text-v2 8192 0.02,-,-,- -
*titan-text-express - 0.2,0.6,-,- -
*titan-text-lite - 0.15,0.2,-,- -
*deepseek.r1 128000 1.35,5.4,-,- -
*global.amazon.nova-2-lite 1000000 0.3,2.5,0.075,- -
$global.anthropic.claude-fable-5-1 1000000 10,50,0.25,12.5 - *global.anthropic.claude-fable-5-1-v1
$global.anthropic.claude-fable-5-2 1000000 8,40,0.2,10 - *global.anthropic.claude-fable-5-2-v1
$global.anthropic.claude-fable-5 1000000 10,50,1,12.5 - *global.anthropic.claude-fable-5-v1
*global.anthropic.claude-haiku-4-5-20251001 200000 1,5,0.1,1.25 -
$global.anthropic.claude-haiku-5-5 1000000 0.1,0.5,0.01,0.125 100000:0.5,2.5,0.05,0.625 *global.anthropic.claude-haiku-5-5-v1
$global.anthropic.claude-mythos-5-2 1000000 8,40,0.2,10 - *global.anthropic.claude-mythos-5-2-v1
*global.anthropic.claude-opus-4-5 200000 5,25,0.5,6.25 -
*global.anthropic.claude-opus-4-6 1000000 5,25,0.5,6.25 -
*global.anthropic.claude-opus-4-7 1000000 5,25,0.5,6.25 -
*global.anthropic.claude-opus-4-8 1000000 5,25,0.5,6.25 -
$global.anthropic.claude-opus-5 1000000 5,25,0.5,6.25 - *global.anthropic.claude-opus-5-v1
$global.anthropic.claude-opus-5-5 1000000 4,20,0.2,5 - *global.anthropic.claude-opus-5-5-v1
*global.anthropic.claude-sonnet-4-20250514 200000 3,15,0.3,3.75 -
*global.anthropic.claude-sonnet-4-5-20250929 200000 3,15,0.3,3.75 -
*global.anthropic.claude-sonnet-4-6 1000000 3,15,0.3,3.75 -
$global.anthropic.claude-sonnet-5-5 1000000 2,10,0.1,2.5 - *global.anthropic.claude-sonnet-5-5-v1
$global.anthropic.claude-sonnet-5 1000000 2,10,0.2,2.5 - *global.anthropic.claude-sonnet-5-v1
global.moonshotai.kimi-k3 1000000 3,15,0.3,3.75 - $/global.moonshotai.kimi-k3
*global.moonshotai.kimi-k3.1 1000000 4,20,0.2,5 -
*global.openai.gpt-5.6-luna 1000000 0.2,1.2,0.02,0.25 272000:0.4,1.8,0.04,0.5
*global.openai.gpt-5.6-sol 1000000 4,20,0.4,5 272000:8,30,0.8,10
*global.openai.gpt-5.6-terra 1000000 2,12,0.2,2.5 272000:4,18,0.4,5
*global.openai.gpt-6-astra 1050000 10,50,1,12.5 272000:20,75,2,25
*global.openai.gpt-6-luna 1000000 0.1,0.5,0.01,0.125 272000:0.2,0.75,0.02,0.25
*global.openai.gpt-6-sol 1000000 2,10,0.2,2.5 272000:4,15,0.4,5
*global.openai.gpt-6.1-sol 1000000 2,10,0.1,2.5 272000:4,15,0.2,5
*global.openai.gpt-6.1-terra 1050000 1,5,0.05,1.25 272000:2,7.5,0.1,2.5
global.zai.glm-5.3 1000000 1.68,5.28,0.312,2.1 - $/global.zai.glm-5.3
*google.gemma-3-12b-it 128000 0.09,0.29,-,- -
*google.gemma-3-27b-it 128000 0.23,0.38,-,- -
*google.gemma-3-4b-it 128000 0.04,0.08,-,- -
*meta.llama3-1-70b-instruct 128000 0.72,0.72,-,- -
*meta.llama3-1-8b-instruct 128000 0.22,0.22,-,- -
*meta.llama3-2-11b-instruct 128000 0.16,0.16,-,- -
*meta.llama3-2-1b-instruct 128000 0.1,0.1,-,- -
*meta.llama3-2-3b-instruct 128000 0.15,0.15,-,- -
*meta.llama3-2-90b-instruct 128000 0.72,0.72,-,- -
*meta.llama3-3-70b-instruct 128000 0.72,0.72,-,- -
*meta.llama3-70b-instruct 8192 2.65,3.5,-,- -
*meta.llama3-8b-instruct 8192 0.3,0.6,-,- -
*meta.llama4-maverick-17b-instruct 1000000 0.24,0.97,-,- -
*meta.llama4-scout-17b-instruct 10000000 0.17,0.66,-,- -
*mistral.devstral-2-123b 256000 0.4,2,-,- -
*mistral.magistral-small-2509 128000 0.5,1.5,-,- -
*mistral.ministral-3-14b-instruct 128000 0.2,0.2,-,- -
*mistral.ministral-3-3b-instruct 128000 0.1,0.1,-,- -
*mistral.ministral-3-8b-instruct 128000 0.15,0.15,-,- -
*mistral.mistral-7b-instruct-v0 32000 0.15,0.2,-,- -
*mistral.mistral-large-2402 32000 4,12,-,- -
*mistral.mistral-large-3-675b-instruct 256000 0.5,1.5,-,- -
*mistral.mistral-small-2402 32000 1,3,-,- -
*mistral.mixtral-8x7b-instruct-v0 32000 0.45,0.7,-,- -
*mistral.pixtral-large-2502 128000 2,6,-,- -
*mistral.voxtral-mini-3b-2507 32000 0.04,0.04,-,- -
*mistral.voxtral-small-24b-2507 32000 0.1,0.3,-,- -
*nvidia.nemotron-nano-3-30b 256000 0.06,0.24,-,- -
*nvidia.nemotron-nano-9b-v2 128000 0.06,0.23,-,- -
*nvidia.nemotron-super-3-120b 256000 0.15,0.65,-,- -
openai.gpt-5.4 - 2.75,16.5,0.275,- -
openai.gpt-5.5 - 5.5,33,0.55,- -
*openai.gpt-oss-120b-1 128000 0.15,0.6,-,- -
*openai.gpt-oss-20b-1 128000 0.07,0.3,-,- -
*qwen.qwen3-32b 32000 0.15,0.6,-,- -
*qwen.qwen3-coder-30b-a3b 256000 0.15,0.6,-,- -
*qwen.qwen3-coder-480b-a35b 128000 0.45,1.8,-,- -
*qwen.qwen3-vl-235b-a22b 256000 0.53,2.66,-,- -
*us.amazon.nova-2-lite 1000000 0.33,2.75,0.0825,- - *eu.amazon.nova-2-lite *jp.amazon.nova-2-lite
*claude-3-5-haiku-20241022 200000 0.8,4,0.08,1 -
*claude-3-5-sonnet-20240620 200000 3,15,0.3,3.75 -
*claude-3-5-sonnet-20241022 200000 3,15,0.3,3.75 -
*claude-3-7-sonnet-20250219 200000 3,15,0.3,3.75 -
*claude-3-haiku-20240307 200000 0.25,1.25,-,- -
*claude-3-opus-20240229 200000 15,75,-,- -
*claude-3-sonnet-20240229 200000 3,15,0.3,3.75 -
anthropic.claude-fable-5-1 1000000 11,55,0.275,13.75 - claude-fable-5-1 us.anthropic.claude-fable-5-1 ^anthropic.claude-fable-5-1-v1 ^claude-fable-5-1-v1 *us.anthropic.claude-fable-5-1-v1
anthropic.claude-fable-5-2 1000000 8.8,44,0.22,11 - claude-fable-5-2 us.anthropic.claude-fable-5-2 eu.anthropic.claude-fable-5-2 ^anthropic.claude-fable-5-2-v1 ^claude-fable-5-2-v1 *us.anthropic.claude-fable-5-2-v1 *eu.anthropic.claude-fable-5-2-v1
anthropic.claude-fable-5 1000000 11,55,1.1,13.75 - claude-fable-5 us.anthropic.claude-fable-5 au.anthropic.claude-fable-5 eu.anthropic.claude-fable-5 ^anthropic.claude-fable-5-v1 ^claude-fable-5-v1 *us.anthropic.claude-fable-5-v1 *au.anthropic.claude-fable-5-v1 *eu.anthropic.claude-fable-5-v1 *jp.anthropic.claude-fable-5-v1
^anthropic.claude-haiku-4-5-20251001 200000 1.1,5.5,0.11,1.375 - ^claude-haiku-4-5-20251001 *us.anthropic.claude-haiku-4-5-20251001 *au.anthropic.claude-haiku-4-5-20251001 *apac.anthropic.claude-haiku-4-5-20251001 *eu.anthropic.claude-haiku-4-5-20251001 *us-gov.anthropic.claude-haiku-4-5-20251001 *jp.anthropic.claude-haiku-4-5-20251001 *in.anthropic.claude-haiku-4-5-20251001
anthropic.claude-haiku-5-5 1000000 0.11,0.55,0.011,0.1375 100000:0.55,2.75,0.055,0.6875 claude-haiku-5-5 us.anthropic.claude-haiku-5-5 au.anthropic.claude-haiku-5-5 apac.anthropic.claude-haiku-5-5 eu.anthropic.claude-haiku-5-5 us-gov.anthropic.claude-haiku-5-5 jp.anthropic.claude-haiku-5-5 ^anthropic.claude-haiku-5-5-v1 ^claude-haiku-5-5-v1 *us.anthropic.claude-haiku-5-5-v1 *au.anthropic.claude-haiku-5-5-v1 *apac.anthropic.claude-haiku-5-5-v1 *eu.anthropic.claude-haiku-5-5-v1 *us-gov.anthropic.claude-haiku-5-5-v1 *jp.anthropic.claude-haiku-5-5-v1
anthropic.claude-mythos-5-2 1000000 8.8,44,0.22,11 - claude-mythos-5-2 us.anthropic.claude-mythos-5-2 eu.anthropic.claude-mythos-5-2 ^anthropic.claude-mythos-5-2-v1 ^claude-mythos-5-2-v1 *us.anthropic.claude-mythos-5-2-v1 *eu.anthropic.claude-mythos-5-2-v1
^anthropic.claude-opus-4-1-20250805 200000 15,75,1.5,18.75 - ^claude-opus-4-1-20250805 *us.anthropic.claude-opus-4-1-20250805 *au.anthropic.claude-opus-4-1-20250805 *apac.anthropic.claude-opus-4-1-20250805 *eu.anthropic.claude-opus-4-1-20250805 *us-gov.anthropic.claude-opus-4-1-20250805 *jp.anthropic.claude-opus-4-1-20250805
^anthropic.claude-opus-4-20250514 200000 15,75,1.5,18.75 - ^claude-opus-4-20250514 *us.anthropic.claude-opus-4-20250514 *au.anthropic.claude-opus-4-20250514 *apac.anthropic.claude-opus-4-20250514 *eu.anthropic.claude-opus-4-20250514 *us-gov.anthropic.claude-opus-4-20250514 *jp.anthropic.claude-opus-4-20250514
^anthropic.claude-opus-4-5 200000 5.5,27.5,0.55,6.875 - ^claude-opus-4-5 *us.anthropic.claude-opus-4-5 *au.anthropic.claude-opus-4-5 *apac.anthropic.claude-opus-4-5 *eu.anthropic.claude-opus-4-5 *us-gov.anthropic.claude-opus-4-5 *jp.anthropic.claude-opus-4-5
^anthropic.claude-opus-4-6 1000000 5.5,27.5,0.55,6.875 - ^claude-opus-4-6 *us.anthropic.claude-opus-4-6 *au.anthropic.claude-opus-4-6 *apac.anthropic.claude-opus-4-6 *eu.anthropic.claude-opus-4-6 *us-gov.anthropic.claude-opus-4-6 *jp.anthropic.claude-opus-4-6
^anthropic.claude-opus-4-7 1000000 5.5,27.5,0.55,6.875 - ^claude-opus-4-7 *us.anthropic.claude-opus-4-7 *au.anthropic.claude-opus-4-7 *apac.anthropic.claude-opus-4-7 *eu.anthropic.claude-opus-4-7 *us-gov.anthropic.claude-opus-4-7 *jp.anthropic.claude-opus-4-7
^anthropic.claude-opus-4-8 1000000 5.5,27.5,0.55,6.875 - ^claude-opus-4-8 *us.anthropic.claude-opus-4-8 *au.anthropic.claude-opus-4-8 *eu.anthropic.claude-opus-4-8 *jp.anthropic.claude-opus-4-8
anthropic.claude-opus-5 1000000 5.5,27.5,0.55,6.875 - claude-opus-5 us.anthropic.claude-opus-5 au.anthropic.claude-opus-5 eu.anthropic.claude-opus-5 jp.anthropic.claude-opus-5 in.anthropic.claude-opus-5 ^anthropic.claude-opus-5-v1 ^claude-opus-5-v1 *us.anthropic.claude-opus-5-v1 *au.anthropic.claude-opus-5-v1 *eu.anthropic.claude-opus-5-v1 *jp.anthropic.claude-opus-5-v1 *in.anthropic.claude-opus-5-v1
anthropic.claude-opus-5-5 1000000 4.4,22,0.22,5.5 - claude-opus-5-5 us.anthropic.claude-opus-5-5 au.anthropic.claude-opus-5-5 eu.anthropic.claude-opus-5-5 jp.anthropic.claude-opus-5-5 ^anthropic.claude-opus-5-5-v1 ^claude-opus-5-5-v1 *us.anthropic.claude-opus-5-5-v1 *au.anthropic.claude-opus-5-5-v1 *eu.anthropic.claude-opus-5-5-v1 *jp.anthropic.claude-opus-5-5-v1
^anthropic.claude-sonnet-4-20250514 200000 3,15,0.3,3.75 - ^claude-sonnet-4-20250514 *us.anthropic.claude-sonnet-4-20250514 *au.anthropic.claude-sonnet-4-20250514 *apac.anthropic.claude-sonnet-4-20250514 *eu.anthropic.claude-sonnet-4-20250514 *us-gov.anthropic.claude-sonnet-4-20250514 *jp.anthropic.claude-sonnet-4-20250514
^anthropic.claude-sonnet-4-5-20250929 200000 3.3,16.5,0.33,4.125 - ^claude-sonnet-4-5-20250929 *us.anthropic.claude-sonnet-4-5-20250929 *au.anthropic.claude-sonnet-4-5-20250929 *apac.anthropic.claude-sonnet-4-5-20250929 *eu.anthropic.claude-sonnet-4-5-20250929 *us-gov.anthropic.claude-sonnet-4-5-20250929 *jp.anthropic.claude-sonnet-4-5-20250929
^anthropic.claude-sonnet-4-6 1000000 3.3,16.5,0.33,4.125 - ^claude-sonnet-4-6 *us.anthropic.claude-sonnet-4-6 *au.anthropic.claude-sonnet-4-6 *apac.anthropic.claude-sonnet-4-6 *eu.anthropic.claude-sonnet-4-6 *us-gov.anthropic.claude-sonnet-4-6 *jp.anthropic.claude-sonnet-4-6
anthropic.claude-sonnet-5-5 1000000 2.2,11,0.11,2.75 - claude-sonnet-5-5 us.anthropic.claude-sonnet-5-5 au.anthropic.claude-sonnet-5-5 apac.anthropic.claude-sonnet-5-5 eu.anthropic.claude-sonnet-5-5 us-gov.anthropic.claude-sonnet-5-5 jp.anthropic.claude-sonnet-5-5 ^anthropic.claude-sonnet-5-5-v1 ^claude-sonnet-5-5-v1 *us.anthropic.claude-sonnet-5-5-v1 *au.anthropic.claude-sonnet-5-5-v1 *apac.anthropic.claude-sonnet-5-5-v1 *eu.anthropic.claude-sonnet-5-5-v1 *us-gov.anthropic.claude-sonnet-5-5-v1 *jp.anthropic.claude-sonnet-5-5-v1
anthropic.claude-sonnet-5 1000000 2.2,11,0.22,2.75 - claude-sonnet-5 us.anthropic.claude-sonnet-5 au.anthropic.claude-sonnet-5 apac.anthropic.claude-sonnet-5 eu.anthropic.claude-sonnet-5 us-gov.anthropic.claude-sonnet-5 jp.anthropic.claude-sonnet-5 in.anthropic.claude-sonnet-5 ^anthropic.claude-sonnet-5-v1 ^claude-sonnet-5-v1 *us.anthropic.claude-sonnet-5-v1 *au.anthropic.claude-sonnet-5-v1 *apac.anthropic.claude-sonnet-5-v1 *eu.anthropic.claude-sonnet-5-v1 *us-gov.anthropic.claude-sonnet-5-v1 *jp.anthropic.claude-sonnet-5-v1 *in.anthropic.claude-sonnet-5-v1
us.moonshotai.kimi-k3 1000000 3.3,16.5,0.33,4.125 - in.moonshotai.kimi-k3 moonshotai.kimi-k3 $/us.moonshotai.kimi-k3 $/in.moonshotai.kimi-k3
*us.moonshotai.kimi-k3.1 1000000 4.4,22,0.22,5.5 - *in.moonshotai.kimi-k3.1
^openai.gpt-5.6-luna 1000000 0.22,1.32,0.022,0.275 272000:0.44,1.98,0.044,0.55 ^gpt-5.6-luna *us.openai.gpt-5.6-luna *in.openai.gpt-5.6-luna
^openai.gpt-5.6-sol 1000000 4.4,22,0.44,5.5 272000:8.8,33,0.88,11 ^gpt-5.6-sol *us.openai.gpt-5.6-sol
^openai.gpt-5.6-terra 1000000 2.2,13.2,0.22,2.75 272000:4.4,19.8,0.44,5.5 ^gpt-5.6-terra *us.openai.gpt-5.6-terra *in.openai.gpt-5.6-terra
^openai.gpt-6-astra 1050000 11,55,1.1,13.75 272000:22,82.5,2.2,27.5 ^gpt-6-astra *us.openai.gpt-6-astra
^openai.gpt-6-luna 1000000 0.11,0.55,0.011,0.1375 272000:0.22,0.825,0.022,0.275 ^gpt-6-luna *us.openai.gpt-6-luna *in.openai.gpt-6-luna
^openai.gpt-6-sol 1000000 2.2,11,0.22,2.75 272000:4.4,16.5,0.44,5.5 ^gpt-6-sol *us.openai.gpt-6-sol *in.openai.gpt-6-sol
^openai.gpt-6.1-sol 1000000 2.2,11,0.11,2.75 272000:4.4,16.5,0.22,5.5 ^gpt-6.1-sol *us.openai.gpt-6.1-sol
^openai.gpt-6.1-terra 1050000 1.1,5.5,0.055,1.375 272000:2.2,8.25,0.11,2.75 ^gpt-6.1-terra *us.openai.gpt-6.1-terra
us.zai.glm-5.3 1000000 1.848,5.808,0.3432,2.31 - $/us.zai.glm-5.3
*writer.palmyra-x4 128000 2.5,10,-,- -
*writer.palmyra-x5 128000 0.6,6,-,- -
""",
    "azure": r"""
ada - 0.1,-,-,- - text-embedding-ada text-embedding-ada-002 text-embedding-ada-002-v2
babbage - 0.4,-,-,- - babbage-002
curie - 2,-,-,- - text-curie text-curie-001
davinci - 2,-,-,- - davinci-002 text-davinci text-davinci-002
mai-ds-r1:free 163840 -,-,-,- -
o1 200000 15,60,7.5,- - o1-2024-12-17
o1-mini 128000 1.1,4.4,0.55,- - o1-mini-2024-09-12
o1-preview 128000 15,60,7.5,- - o1-preview-2024-09-12
o3 200000 2,8,0.5,- - o3-2025-04-16
o3-mini 200000 1.1,4.4,0.55,- - o3-mini-2025-01-31
*o4-mini 200000 1.1,4.4,0.275,- - *o4-mini-2025-04-16
phi-3-medium-128k-instruct 131072 0.17,0.68,-,- -
phi-3-mini-128k-instruct 131072 0.13,0.52,-,- -
phi-3.5-mini-128k-instruct 131072 0.13,0.52,-,- -
phi-4 16384 0.125,0.5,-,- -
phi-4-mini-instruct 131072 0.075,0.3,-,- -
phi-4-multimodal-instruct 131072 0.08,0.32,-,- -
phi-4-reasoning-plus 32768 0.125,0.5,-,- -
phi-4-reasoning-plus:free 32768 -,-,-,- -
phi-4-reasoning:free 32768 -,-,-,- -
text-embedding-3-large 8192 0.13,-,-,- -
text-embedding-3-small 8192 0.02,-,-,- -
wizardlm-2-8x22b - 0.48,0.48,-,- -
""",
    "cerebras": r"""
gemma-4-31b 131072 0.99,1.49,-,- - ^cerebras/gemma-4-31b ^cerebras:gemma-4-31b
gpt-oss-120b 131072 0.35,0.75,-,- - ^cerebras/gpt-oss-120b ^cerebras:gpt-oss-120b
llama-3.3-70b 128000 0.85,1.2,-,- - ^cerebras/llama-3.3-70b ^cerebras:llama-3.3-70b
llama3.1-8b 32768 0.1,0.1,-,- - ^cerebras/llama3.1-8b ^cerebras:llama3.1-8b
qwen-3-32b 131072 0.4,0.8,-,- - ^cerebras/qwen-3-32b ^cerebras:qwen-3-32b
qwen-3-coder-480b - -,-,-,- -
qwen-3.8-27b 65536 0.99,1.49,-,- - ^cerebras/qwen-3.8-27b ^cerebras:qwen-3.8-27b
zai-glm-4.7 131072 2.25,2.75,-,- - ^cerebras/zai-glm-4.7 ^cerebras:zai-glm-4.7
""",
    "cloudflare": r"""
@cf/ai4bharat/indictrans2-en-indic-1b - 0.342,0.342,-,- -
@cf/aisingapore/gemma-sea-lion-v4-27b-it - 0.351,0.555,-,- -
@cf/baai/bge-base-en-v1.5 - 0.067,-,-,- -
@cf/baai/bge-large-en-v1.5 - 0.204,-,-,- -
@cf/baai/bge-m3 - 0.012,-,-,- -
@cf/baai/bge-reranker-base - 0.003,-,-,- -
@cf/baai/bge-small-en-v1.5 - 0.02,-,-,- -
@cf/cloudflare/clairic - 0.1,-,-,- - clairic
@cf/cloudflare/clef 65536 0.24,-,-,- - clef
@cf/cloudflare/clef-flash 65536 0.038,-,-,- - clef-flash
@cf/cloudflare/clef-omni 64000 0.15,-,-,- - clef-omni
@cf/daily-co/phonellm-mini-alpha-2 - 0.06,0.24,-,- -
@cf/deepseek-ai/deepseek-r1-distill-qwen-32b - 0.497,4.881,-,- -
@cf/deepseek-ai/deepseek-v4-flash-0731 - 0.44,1.32,0.014,- -
@cf/deepseek-ai/deepseek-v4-pro-0813 - 1.32,3.96,0.044,- -
@cf/deepseek-ai/deepseek-v4.1-flash-1017 - 0.3,1.2,0.006,- -
@cf/google/gemma-3-12b-it - 0.345,0.556,-,- -
@cf/google/gemma-4-26b-a4b-it 256000 0.1,0.3,-,- -
@cf/huggingface/distilbert-sst-2-int8 - 0.026,-,-,- -
@cf/ibm-granite/granite-4.0-h-micro - 0.017,0.112,-,- -
@cf/meta/llama-2-7b-chat-fp16 - 0.556,6.667,-,- -
@cf/meta/llama-3-8b-instruct - 0.282,0.827,-,- -
@cf/meta/llama-3-8b-instruct-awq - 0.123,0.266,-,- -
@cf/meta/llama-3.1-70b-instruct-fp8-fast - 0.293,2.253,-,- -
@cf/meta/llama-3.1-8b-instruct - 0.282,0.827,-,- -
@cf/meta/llama-3.1-8b-instruct-awq - 0.123,0.266,-,- -
@cf/meta/llama-3.1-8b-instruct-fp8 - 0.152,0.287,-,- -
@cf/meta/llama-3.1-8b-instruct-fp8-fast - 0.045,0.384,-,- - @cf/meta/llama-3.1-8b-instruct-fast
@cf/meta/llama-3.2-11b-vision-instruct - 0.049,0.676,-,- -
@cf/meta/llama-3.2-1b-instruct - 0.027,0.201,-,- -
@cf/meta/llama-3.2-3b-instruct - 0.051,0.335,-,- -
@cf/meta/llama-3.3-70b-instruct-fp8-fast 24000 0.293,2.253,-,- -
@cf/meta/llama-4-scout-17b-16e-instruct - 0.27,0.85,-,- -
@cf/meta/llama-guard-3-8b - 0.484,0.03,-,- -
@cf/meta/m2m100-1.2b - 0.342,0.342,-,- -
@cf/mistral/mistral-7b-instruct-v0.1 - 0.11,0.19,-,- -
@cf/mistralai/mistral-small-3.1-24b-instruct - 0.351,0.555,-,- -
@cf/moondream/moondream3.1-9b-a2b - 0.3,1,-,- -
@cf/moonshotai/kimi-k2.5 - 0.6,3,0.1,- -
@cf/moonshotai/kimi-k2.6 - 0.95,4,0.16,- -
@cf/moonshotai/kimi-k2.7-code - 0.95,4,0.19,- -
@cf/nvidia/nemotron-3-120b-a12b - 0.5,1.5,-,- -
@cf/openai/gpt-oss-120b 128000 0.35,0.75,-,- -
@cf/openai/gpt-oss-20b 128000 0.2,0.3,-,- -
@cf/pfnet/plamo-embedding-1b - 0.019,-,-,- -
@cf/qwen/qwen2.5-coder-32b-instruct - 0.66,1,-,- -
@cf/qwen/qwen3-30b-a3b-fp8 - 0.051,0.335,-,- -
@cf/qwen/qwen3-embedding-0.6b - 0.012,-,-,- -
@cf/qwen/qwen3.8-27b 262144 0.45,3.2,-,- -
@cf/qwen/qwq-32b - 0.66,1,-,- -
@cf/zai-org/glm-4.7-flash 131072 0.06,0.4,-,- -
@cf/zai-org/glm-5.2 - 1.4,4.4,0.26,- -
@cf/zai-org/glm-5.3 - 1.4,4.4,0.26,- -
@cf/zai-org/glm-5.3-flash - 0.15,0.5,0.03,- -
""",
    "cohere": r"""
*aya-expanse-32b 128000 0.5,1.5,-,- -
*aya-expanse-8b 8192 0.5,1.5,-,- -
command - 1,2,-,- -
command-a - 2.5,10,-,- - command-a-03-2025
^command-light 4096 0.3,0.6,-,- -
command-r - 0.15,0.6,-,- - command-r-08-2024
command-r-plus - 2.5,10,-,- - command-r-plus-08-2024
command-r7b - 0.0375,0.15,-,- - command-r7b-12-2024
embed-v4.0 128000 0.12,-,-,- -
""",
    "deepseek": r"""
deepseek-chat-v3-0324 64000 -,-,-,- - ^deepseek-chat
deepseek-flash 1000000 -,-,-,- -
deepseek-reasoner 64000 -,-,-,- - deepseek-r1-0528 ^deepseek-r1
deepseek-v3.1-terminus 128000 0.27,0.95,0.13,- -
deepseek-v3.2 128000 0.2288,0.3432,-,- -
deepseek-v3.2-exp 128000 0.27,0.41,-,- -
^deepseek-v4-flash 1000000 -,-,-,- -
^deepseek-v4-pro 1000000 -,-,-,- -
""",
    "fireworks": r"""
accounts/fireworks/models/deepseek-r1-0528 160000 3,8,-,- -
accounts/fireworks/models/deepseek-v3-0324 160000 0.9,0.9,-,- -
accounts/fireworks/models/deepseek-v3p2 163840 0.56,1.68,0.28,- -
accounts/fireworks/models/deepseek-v4-flash 1040000 0.14,0.28,0.028,- - accounts/fireworks/models/deepseek-v4-flash-0731
accounts/fireworks/models/deepseek-v4-pro 1048576 1.74,3.48,0.145,- -
accounts/fireworks/models/deepseek-v4p1-flash - 0.3,1.2,0.006,- -
accounts/fireworks/models/deepseek-v4p1-flash-1017 - 0.3,1.2,0.006,- -
accounts/fireworks/routers/deepseek-v4p1-flash-1017-ultrafast - 2.4,9.6,0.048,- -
accounts/fireworks/routers/deepseek-v4p1-flash-1017-us - 0.45,1.8,0.009,- -
accounts/fireworks/routers/deepseek-v4p1-flash-us - 0.45,1.8,0.009,- -
accounts/fireworks/models/ember-1 - 3,15,0.3,- -
accounts/fireworks/models/gemma-3-27b-it 131000 0.1,0.1,-,- -
accounts/fireworks/models/glm-4p7 202752 0.6,2.2,-,- -
accounts/fireworks/models/glm-5p1 - 1.4,4.4,0.26,- -
accounts/fireworks/routers/glm-5p1-fast - 2.8,8.8,0.52,- -
accounts/fireworks/models/glm-5p2 1040000 1.4,4.4,0.14,- -
accounts/fireworks/routers/glm-5p2-fast 1040000 2.1,6.6,0.21,- - accounts/fireworks/routers/glm-5p2-fast-us
accounts/fireworks/models/glm-5p3 - 1.4,4.4,0.26,- -
accounts/fireworks/routers/glm-5p3-fast - 2.1,6.6,0.39,- -
accounts/fireworks/models/glm-5p3-flash - 0.15,0.5,0.03,- -
accounts/fireworks/routers/glm-5p3-flash-us - 0.225,0.75,0.045,- -
accounts/fireworks/routers/glm-5p3-us - 2.1,6.6,0.39,- -
accounts/fireworks/models/gpt-oss-120b 131072 0.15,0.6,0.015,- -
accounts/fireworks/models/gpt-oss-20b 131072 0.07,0.3,0.035,- -
accounts/fireworks/models/inkling 1040000 1,4.05,0.17,- -
accounts/fireworks/models/kimi-k2p5 262144 0.6,3,0.1,- -
accounts/fireworks/models/kimi-k2p6 - 0.95,4,0.16,- -
accounts/fireworks/routers/kimi-k2p6-fast 262144 2,8,0.3,- -
accounts/fireworks/models/kimi-k2p7-code 262144 0.95,4,0.19,- -
accounts/fireworks/routers/kimi-k2p7-code-fast 262144 1.9,8,0.38,- -
accounts/fireworks/models/kimi-k3 1040000 3,15,0.3,- -
accounts/fireworks/routers/kimi-k3-fast 1040000 4.5,22.5,0.45,- -
accounts/fireworks/routers/kimi-k3-us 1040000 4.5,22.5,0.45,- -
accounts/fireworks/models/kimi-k3p1-pro - 2,10,0.2,- -
accounts/fireworks/models/llama-v3p1-8b-instruct 131000 0.2,0.2,-,- -
accounts/fireworks/models/llama4-maverick-instruct-basic 1000000 0.22,0.88,-,- -
accounts/fireworks/models/minimax-m2p1 204800 0.3,1.2,-,- -
accounts/fireworks/models/minimax-m2p7 - 0.3,1.2,0.06,- -
accounts/fireworks/models/minimax-m3 524288 0.3,1.2,0.06,- -
accounts/fireworks/models/muse-spark-open - 1.25,4.25,0.15,- -
accounts/fireworks/models/nemotron-3-ultra-nvfp4 262000 0.6,2.4,0.12,- -
accounts/fireworks/models/nemotron-lightning-3p5-30b-a3b - 0.05,0.2,0.01,- -
accounts/fireworks/models/qwen2p5-vl-72b-instruct 128000 0.9,0.9,-,- -
accounts/fireworks/models/qwen3-235b-a22b 128000 0.22,0.88,-,- -
accounts/fireworks/models/qwen3p6-plus - 0.5,3,0.1,- -
accounts/fireworks/models/qwen3p7-plus 262144 0.4,1.6,0.08,- -
accounts/fireworks/models/qwen3p8-max - 2,6,0.25,- -
accounts/fireworks/routers/ultramarine-1-flash-us - 0.15,0.5,0.03,- -
""",
    "google": r"""
*claude-3-5-haiku 200000 0.8,4,0.08,1 -
*claude-3-5-sonnet 200000 3,15,0.3,3.75 -
*claude-3-7-sonnet 200000 3,15,0.3,3.75 -
*claude-3-haiku 200000 0.25,1.25,0.03,0.3 -
*claude-3-opus 200000 15,75,1.5,18.75 -
claude-opus-4 200000 15,75,1.5,18.75 - *claude-4-opus *claude-opus-4@ *claude-opus-4-0 *claude-opus-4-1
claude-sonnet-4 200000 3,15,0.3,3.75 - anthropic/claude-sonnet-4 *claude-4-sonnet *claude-sonnet-4-0 *claude-sonnet-4@ *claude-sonnet-4-2025
$claude-fable-5 1000000 10,50,1,12.5 - *claude-fable-5@
$claude-fable-5-1 1000000 10,50,0.25,12.5 - *claude-fable-5-1@
$claude-fable-5-2 1000000 8,40,0.2,10 - *claude-fable-5-2@
*claude-haiku-4-5 200000 1,5,0.1,1.25 - *claude-haiku-4.5
*claude-haiku-5-5 1000000 0.1,0.5,0.01,0.125 100000:0.5,2.5,0.05,0.625 *claude-haiku-5.5 *claude-5-5-haiku *claude-5.5-haiku
*claude-4-5-opus 200000 5,25,0.5,6.25 - *claude-opus-4-5 *claude-4.5-opus *claude-opus-4.5
*claude-4-6-opus 1000000 5,25,0.5,6.25 - *claude-opus-4-6 *claude-4.6-opus *claude-opus-4.6
*claude-4-7-opus 1000000 5,25,0.5,6.25 - *claude-opus-4-7 *claude-4.7-opus *claude-opus-4.7
*claude-4-8-opus 1000000 5,25,0.5,6.25 - *claude-opus-4-8 *claude-4.8-opus *claude-opus-4.8
*claude-5-opus 1000000 5,25,0.5,6.25 - $claude-opus-5 *claude-opus-5@ *claude-5.0-opus *claude-opus-5.0
*claude-5-5-opus 1000000 4,20,0.2,5 - $claude-opus-5-5 *claude-opus-5-5@ *claude-5.5-opus *claude-opus-5.5
*claude-sonnet-4-5 200000 3,15,0.3,3.75 200000:6,22.5,0.6,7.5 *claude-sonnet-4.5
*claude-sonnet-4-6 1000000 3,15,0.3,3.75 - *claude-sonnet-4.6
*claude-sonnet-5-5 1000000 2,10,0.1,2.5 - *claude-sonnet-5.5 *claude-5-5-sonnet *claude-5.5-sonnet
gemini-1.0-pro-vision-001 32768 0.125,0.375,-,- -
*gemini-1.5-flash 1000000 0.075,0.3,0.01875,- 128000:0.15,0.6,0.0375,-
*gemini-1.5-pro 1000000 1.25,5,-,- 128000:2.5,10,-,-
$gemini-2.0-flash 1000000 0.1,0.4,0.025,- - *gemini-2.0-flash-0 *gemini-2.0-flash-exp *gemini-2.0-flash-thinking *gemini-2.0-flash-latest
*gemini-2.0-flash-lite 1000000 0.075,0.3,-,- -
gemini-2.5-flash 1048576 0.3,2.5,0.03,- - gemini-2.5-flash-latest gemini-2.5-flash-preview-09-2025
gemini-2.5-flash-image 1000000 -,-,-,- - gemini-2.5-flash-image-preview
gemini-2.5-flash-lite 1000000 0.1,0.4,0.01,- - ^gemini-2.5-flash-lite-preview
gemini-2.5-flash-lite-preview-tts 8192 0.5,10,-,- -
gemini-2.5-flash-preview-05-20:thinking - 0.15,0.6,-,- - gemini-2.5-flash-preview gemini-2.5-flash-preview:thinking *gemini-2.5-flash-preview-05-20 *gemini-2.5-flash-preview-04-17
gemini-2.5-flash-tts 8192 0.5,10,-,- - gemini-2.5-flash-preview-tts
^gemini-2.5-pro - 1.25,10,0.125,- 200000:2.5,15,0.25,-
gemini-2.5-pro-tts 8192 1,20,-,- - gemini-2.5-pro-preview-tts
gemini-3-flash-preview 1000000 0.5,3,0.05,- - ^gemini-3-flash-preview-
gemini-3-pro-image 1000000 -,-,-,- - ^gemini-3-pro-image-preview
gemini-3-pro-text-preview - 2,12,0.2,- 200000:4,18,0.4,- ^gemini-3-pro-preview
gemini-3.1-flash-image 1000000 -,-,-,- - ^gemini-3.1-flash-image-preview
gemini-3.1-flash-lite 1000000 0.25,1.5,0.025,- - ^gemini-3.1-flash-lite-preview
^gemini-3.1-flash-lite-image - -,-,-,- -
^gemini-3.1-flash-live-preview - -,-,-,- -
gemini-3.1-flash-tts-preview - 1,20,-,- -
gemini-pro-latest - 2,12,0.2,- 200000:4,18,0.4,- ^gemini-3.1-pro-preview
gemini-3.5-flash 1000000 1.5,9,0.15,- - ^gemini-3.5-flash-preview ~^gemini-3\.5-flash-\d
gemini-flash-lite-latest 1000000 0.3,2.5,0.03,- - ^gemini-3.5-flash-lite
^gemini-3.6-flash 1000000 0.75,3.75,0.075,- -
^gemini-3.7-flash 1000000 0.75,3.75,0.075,- -
gemini-flash-latest 1000000 0.75,3.75,0.075,- - ^gemini-3.8-flash
gemini-3.8-flash-lite-tts - 0.5,6,-,- -
gemini-3.8-flash-tts - 0.5,9,-,- -
^gemini-3.8-live 131072 -,-,-,- -
gemini-4-argon 1048576 2,10,0.1,- - ^gemini-4-argon-preview ~^gemini-4-argon-\d
gemini-embedding-001 - 0.15,-,-,- -
gemini-embedding-2 8192 0.2,-,-,- - gemini-embedding-2-preview
gemini-flash-1.5 - 0.075,0.3,0.01875,- 128000:0.15,0.6,0.0375,-
gemini-flash-1.5-8b 1000000 0.0375,0.15,0.01,- 128000:0.075,0.3,0.02,-
gemini-2.5-flash-native-audio-latest - -,-,-,- - ^gemini-live-2.5-flash ^gemini-2.5-flash-native-audio-preview
gemini-nano-banana-2.1 - -,-,-,- -
gemini-omni-1.1-flash - -,-,-,- -
^gemini-omni-flash-preview - -,-,-,- -
gemini-pro 32768 0.125,0.375,-,- - gemini-1.0-pro
gemini-pro-1.5 2000000 1.25,5,0.3125,- 128000:2.5,10,0.625,-
gemini-robotics-er-2-preview - 1,5,0.1,- -
gemini-robotics-er-2-streaming-preview - 1,5,-,- -
gemma-2-27b-it - 0.65,0.65,-,- -
gemma-3 - -,-,-,- - ^gemma-3-
^gemma-3n - -,-,-,- -
gemma-4-26b-a4b-it 262144 -,-,-,- -
gemma-4-26b-a4b-it-maas 262144 0.15,0.6,0.015,- -
gemma-4-31b-it 262144 -,-,-,- -
""",
    "groq": r"""
canopylabs/orpheus-arabic-saudi 4000 -,-,-,- -
canopylabs/orpheus-v1-english 4000 -,-,-,- -
deepseek-r1-distill-llama-70b 131072 0.75,0.99,-,- -
gemma-7b-it - 0.07,0.07,-,- -
gemma2-9b-it - 0.2,0.2,-,- - gemma2-9b
llama-3.1-405b-reasoning - 0.59,0.79,-,- -
llama-3.1-70b-versatile - 0.59,0.79,-,- -
llama-3.1-8b-instant - 0.05,0.08,-,- -
llama-3.2-11b-text-preview - 0.18,0.18,-,- -
llama-3.2-11b-vision-preview - 0.18,0.18,-,- -
llama-3.2-1b-preview - 0.04,0.04,-,- -
llama-3.2-3b-preview - 0.06,0.06,-,- -
llama-3.2-90b-text-preview - 0.9,0.9,-,- -
llama-3.2-90b-vision-preview - 0.9,0.9,-,- -
llama-3.3-70b-specdec - 0.59,0.99,-,- -
llama-3.3-70b-versatile - 0.59,0.79,-,- -
llama-guard-3-8b - 0.2,0.2,-,- -
llama2-70b-4096 - 0.7,0.8,-,- -
llama3-70b-8192 - 0.59,0.79,-,- -
llama3-8b-8192 - 0.05,0.08,-,- -
llama3-groq-70b-8192-tool-use-preview - 0.89,0.89,-,- -
llama3-groq-8b-8192-tool-use-preview - 0.19,0.19,-,- -
meta-llama/llama-4-maverick-17b-128e-instruct 131072 0.2,0.6,-,- -
meta-llama/llama-4-scout-17b-16e-instruct - 0.11,0.34,-,- -
meta-llama/llama-guard-4-12b 131072 0.2,0.2,-,- -
meta-llama/llama-prompt-guard-2-22m 512 0.03,0.03,-,- -
meta-llama/llama-prompt-guard-2-86m 512 0.04,0.04,-,- -
mistral-saba-24b - 0.79,0.79,-,- -
mixtral-8x7b-32768 - 0.24,0.24,-,- -
moonshotai/kimi-k2-instruct 131072 1,3,0.5,- - moonshotai/kimi-k2-instruct-0905
openai/gpt-oss-120b 131072 0.15,0.6,0.075,- -
openai/gpt-oss-20b 131072 0.075,0.3,0.0375,- -
openai/gpt-oss-safeguard-20b 131072 0.075,0.3,0.0375,- -
qwen/qwen3-32b 131072 0.29,0.59,-,- -
qwen/qwen3.8-27b 131072 0.8,4,-,- -
whisper-large-v3 - -,-,-,- -
whisper-large-v3-turbo - -,-,-,- -
""",
    "minimax": r"""
m2-her 64000 0.3,1.2,-,- -
minimax-m2 204800 0.3,1.2,0.03,0.375 - minimax-m2.1 minimax-m2.5
*m2.1-highspeed 204800 0.6,2.4,0.03,0.375 -
*m2.5-highspeed 204800 0.6,2.4,0.03,0.375 -
minimax-m2.7 204800 0.3,1.2,0.06,0.375 -
*m2.7-highspeed 204800 0.6,2.4,0.06,0.375 -
minimax-m3.1-flash 1000000 0.15,0.6,0.015,- -
minimax-01 1000192 0.2,1.1,-,- -
minimax-m1 - 0.4,2.2,-,- -
minimax-m3 1000000 0.3,1.2,0.06,- 512000:0.6,2.4,0.12,-
""",
    "mistral": r"""
codestral-latest 256000 0.3,0.9,-,- - codestral-2501
codestral-2508 256000 0.3,0.9,0.03,- -
codestral-embed-2505 8000 0.15,-,0.015,- - codestral-embed
deepseek-v4-1-flash-1017 - 0.3,1.2,0.007,- -
devstral-2512 262144 0.4,2,0.04,- -
devstral-small - 0.1,0.3,-,- - devstral-small-2505 devstral-small-2507 devstral-small-latest labs-devstral-small-2512
devstral-small:free - -,-,-,- -
^magistral-medium - 2,5,-,- -
^magistral-small- - 0.5,1.5,-,- -
ministral-14b-2512 262144 0.2,0.2,0.02,- -
ministral-3b - 0.04,0.04,-,- -
ministral-3b-2512 131072 0.1,0.1,0.01,- -
ministral-8b - 0.1,0.1,-,- - ministral-8b-2410
ministral-8b-2512 262144 0.15,0.15,0.015,- -
ministral-8b-latest - 0.15,0.15,0.015,- -
mistral-7b - 0.25,0.25,-,- - open-mistral-7b
mistral-embed 8192 0.1,0.1,-,- - mistral-embed-2312
mistral-large - 2,6,-,- - mistral-large-latest mistral-large-2407 mistral-large-2411
mistral-large-2512 262144 0.5,1.5,0.05,- -
mistral-large-4 1048576 0.7,2.1,0.07,- - mistral-large-4-0
mistral-medium-2312 - 2.7,8.1,-,- -
mistral-medium - 0.4,2,0.04,- - mistral-medium-2505 mistral-medium-2508
mistral-medium-3.5 262144 1.5,7.5,0.15,- - mistral-medium-3-5 mistral-medium-3 mistral-medium-2604
mistral-medium-latest - 1.5,7.5,0.15,- -
mistral-nemo - 0.15,0.15,-,- - open-mistral-nemo
mistral-nemo:free - -,-,-,- -
mistral-ocr-2503 - -,-,-,- - mistral-ocr-2503-completion
mistral-ocr-2505 - -,-,-,- - mistral-ocr-2505-completion
mistral-ocr-2512 16384 -,-,-,- - mistral-ocr-2512-completion
mistral-ocr-4-0 16384 -,-,-,- - mistral-ocr-4-0-completion
mistral-ocr-4 16384 -,-,-,- - mistral-ocr-4-completion mistral-ocr-4-1 mistral-ocr-4-1-completion
mistral-ocr-latest - -,-,-,- - mistral-ocr-latest-completion
mistral-saba - 0.2,0.6,-,- - mistral-saba-latest
mistral-small-24b-instruct-2501 - 0.05,0.08,-,- -
mistral-small-24b-instruct-2501:free - -,-,-,- -
mistral-small-2603 262144 0.15,0.6,0.015,- -
mistral-small-3.1-24b-instruct - 0.351,0.555,-,- -
mistral-small-2506 - 0.1,0.3,-,- - mistral-small-3.2-24b-instruct
mistral-small-latest - 0.15,0.6,0.015,- -
mistral-tiny - 0.25,0.25,-,- -
open-mixtral-8x22b - 2,6,-,- - mixtral-8x22b-instruct
open-mixtral-8x7b - 0.7,0.7,-,- - ^mixtral-8x7b
pixtral-12b - 0.15,0.15,-,- - pixtral-12b-latest
pixtral-large-latest - 2,6,-,- - pixtral-large-2411
voxtral-mini-latest 16384 -,-,-,- - voxtral-mini-2602
voxtral-mini-transcribe-3-0 - -,-,-,- -
voxtral-mini-transcribe-realtime-2602 - -,-,-,- -
voxtral-mini-transcribe-realtime-3-0 - -,-,-,- -
voxtral-small-24b-2507 32768 -,-,-,- - voxtral-small-2507 voxtral-small-latest
voxtral-small-transcribe-3-0 - -,-,-,- -
zai-glm-5-3 - 1.4,4.4,0.14,- -
zai-glm-5-3-flash - 0.15,0.5,0.03,- -
""",
    "moonshotai": r"""
kimi-k2 - 0.57,2.3,-,- -
kimi-k2-0711-preview 131072 0.6,2.5,0.15,- -
kimi-k2-0905-preview 262144 0.6,2.5,0.15,- -
kimi-k2-thinking 262144 0.6,2.5,0.15,- -
kimi-k2-thinking-turbo 262144 1.15,8,0.15,- -
^kimi-k2-turbo 262144 1.15,8,0.15,- -
^kimi-k2.5 262144 0.6,3,0.1,- -
^kimi-k2.6 262144 0.95,4,0.16,- -
kimi-k2.7-code 262144 0.95,4,0.19,- -
kimi-k2.7-code-highspeed 262144 1.9,8,0.38,- -
kimi-k3 1048576 3,15,0.3,3 -
kimi-k3.1-pro 1048576 2,10,0.2,2 -
kimi-k3.1-pro-highspeed 1048576 4,20,0.2,4 -
moonshot-v1-128k 131072 2,5,-,- - moonshot-v1-128k-vision-preview
moonshot-v1-32k 32768 1,3,-,- - moonshot-v1-32k-vision-preview
moonshot-v1-8k 8192 0.2,2,-,- - moonshot-v1-8k-vision-preview
""",
    "openai": r"""
ada - 0.4,0.4,-,- - text-ada-001
babbage - 0.5,0.5,-,- -
babbage-002 - 0.4,0.4,-,- -
chatgpt-4o-latest 128000 5,15,-,- -
chatgpt-image-latest - -,-,-,- -
codex-mini 200000 1.5,6,0.375,- - codex-mini-latest
^computer-use 8192 3,12,-,- -
curie - 2,2,-,- - text-curie-001
davinci - 20,20,-,- - text-davinci-001
davinci-002 - 2,2,-,- -
~^ft:gpt\-3\.5\-turbo - 3,6,-,- -
~^ft:gpt\-4o\-2024\- - 3.75,15,-,- -
~^ft:gpt\-4o\-mini\-2024\- - 0.3,1.2,-,- -
gpt-3.5-turbo-0301 - 1.5,2,-,- - gpt-3.5-0301
gpt-3.5-turbo 16385 0.5,1.5,-,- - gpt-35-turbo gpt-3.5-turbo-0125
gpt-3.5-turbo-0613 16385 1.5,2,-,- -
gpt-3.5-turbo-1106 16385 1,2,-,- -
gpt-3.5-turbo-16k 16385 3,4,-,- - gpt-3.5-turbo-16k-0613 gpt-35-turbo-16k-0613 gpt-35-turbo-16k
gpt-3.5-turbo-instruct-0914 16385 1.5,2,-,- - ^gpt-3.5-turbo-instruct
gpt-4 8192 30,60,-,- - gpt-4-0314 gpt-4-0613 ~^ft:gpt\-4\-0
gpt-4-32k 32000 60,120,-,- - gpt-4-32k-0314 gpt-4-32k-0613
gpt-4-turbo 128000 10,30,-,- - gpt-4-turbo-2024-04-09 gpt-4-turbo-0125-preview gpt-4-0125-preview gpt-4-1106-preview gpt-4-turbo-preview
gpt-4-vision-preview 128000 10,30,-,- - gpt-4-1106-vision-preview
gpt-4.1 1000000 2,8,0.5,- - gpt-4.1-2025-04-14
gpt-4.1-mini 1000000 0.4,1.6,0.1,- - gpt-4.1-mini-2025-04-14
gpt-4.1-nano 1000000 0.1,0.4,0.025,- - gpt-4.1-nano-2025-04-14
^gpt-4.5-preview - 75,150,37.5,- -
gpt-4o 128000 2.5,10,1.25,- - gpt-4o-2024-08-06 gpt-4o-2024-11-20
gpt-4o-2024-05-13 128000 5,15,-,- -
^gpt-4o-audio-preview 128000 2.5,10,-,- -
gpt-4o-mini 128000 0.15,0.6,0.075,- - gpt-4o-mini-2024-07-18 gpt-4o-mini-search-preview gpt-4o-mini-search-preview-2025-03-11
~^gpt\-4o\-mini\-2024\-07\-18\.ft\- - 0.3,1.2,-,- -
^gpt-4o-mini-audio 128000 0.15,0.6,-,- -
^gpt-4o-mini-realtime 16000 -,-,-,- -
gpt-4o-mini-transcribe 16000 1.25,5,-,- -
gpt-4o-mini-tts - 0.6,12,-,- -
^gpt-4o-realtime 32000 -,-,-,- -
gpt-4o-search-preview 128000 2.5,10,-,- - gpt-4o-search-preview-2025-03-11
gpt-4o-transcribe 16000 2.5,10,-,- - gpt-4o-transcribe-diarize
gpt-4o:extended - 6,18,-,- -
gpt-5 400000 1.25,10,0.125,- - gpt-5-2025-08-07 gpt-5-chat gpt-5-chat-latest gpt-5-codex
gpt-5-image - 10,10,1.25,- -
gpt-5-image-mini - 2.5,2,0.25,- -
gpt-5-mini 400000 0.25,2,0.025,- - gpt-5-mini-2025-08-07
gpt-5-nano 400000 0.05,0.4,0.005,- - ^gpt-5-nano-
gpt-5-pro 400000 15,120,-,- - gpt-5-pro-2025-10-06
gpt-5-search-api - 1.25,10,0.125,- -
gpt-5.1 400000 1.25,10,0.125,- - gpt-5.1-2025-11-13 gpt-5.1-codex gpt-5.1-codex-max gpt-5.1-chat gpt-5.1-chat-latest gpt-5-1 gpt-5-1-2025-11-13 gpt-5-1-codex gpt-5-1-codex-max gpt-5-1-chat gpt-5-1-chat-latest
gpt-5.1-codex-mini 400000 0.25,2,0.025,- - gpt-5.1-mini gpt-5-1-codex-mini gpt-5-1-mini
gpt-5.2 400000 1.75,14,0.175,- - gpt-5.2-2025-12-11 gpt-5-2 gpt-5-2-2025-12-11 gpt-5.2-chat gpt-5.2-chat-latest gpt-5-2-chat gpt-5-2-chat-latest gpt-5.2-codex gpt-5-2-codex
gpt-5.2-pro 400000 21,168,-,- - gpt-5.2-pro-2025-12-11 gpt-5-2-pro-2025-12-11
gpt-5.3 128000 1.75,14,0.175,- - gpt-5-3 gpt-5.3-chat gpt-5.3-chat-latest gpt-5-3-chat gpt-5-3-chat-latest
gpt-5.3-codex 400000 1.75,14,0.175,- - gpt-5-3-codex
gpt-5.4 1050000 2.5,15,0.25,- 272000:5,22.5,0.5,- gpt-5.4-2026-03-05 gpt-5-4 gpt-5-4-2026-03-05
gpt-5.4-image-2 - 8,15,2,- -
gpt-5.4-mini 400000 0.75,4.5,0.075,- - gpt-5.4-mini-2026-03-17 gpt-5-4-mini gpt-5-4-mini-2026-03-17
gpt-5.4-nano 400000 0.2,1.25,0.02,- - gpt-5.4-nano-2026-03-17 gpt-5-4-nano gpt-5-4-nano-2026-03-17
gpt-5.4-pro 1050000 30,180,-,- 272000:60,270,-,- gpt-5.4-pro-2026-03-05 gpt-5-4-pro gpt-5-4-pro-2026-03-05
gpt-5.5 1000000 5,30,0.5,- 272000:10,45,1,- gpt-5.5-2026-04-23 gpt-5.5-2026-04-24 gpt-5-5 gpt-5-5-2026-04-23 gpt-5-5-2026-04-24 gpt-5.5-chat gpt-5.5-chat-latest gpt-5-5-chat gpt-5-5-chat-latest gpt-5.5-codex gpt-5-5-codex
gpt-5.5-cyber - 12.5,75,1.25,- -
gpt-5.5-pro 1000000 30,180,-,- 272000:60,270,-,- gpt-5.5-pro-2026-04-23 gpt-5-5-pro gpt-5-5-pro-2026-04-23
gpt-5.6-cyber - 12.5,75,1.25,15.625 -
gpt-5.6-luna 1050000 0.2,1.2,0.02,0.25 272000:0.4,1.8,0.04,0.5 gpt-5-6-luna ~^gpt-5\.6-luna-\d{4}-\d{2}-\d{2}$ ~^gpt-5-6-luna-\d{4}-\d{2}-\d{2}$
gpt-5.6-sol 1050000 4,20,0.4,5 272000:8,30,0.8,10 gpt-5-6-sol gpt-5.6 gpt-5-6 ~^gpt-5\.6-sol-\d{4}-\d{2}-\d{2}$ ~^gpt-5-6-sol-\d{4}-\d{2}-\d{2}$
gpt-5.6-terra 1050000 2,12,0.2,2.5 272000:4,18,0.4,5 gpt-5-6-terra ~^gpt-5\.6-terra-\d{4}-\d{2}-\d{2}$ ~^gpt-5-6-terra-\d{4}-\d{2}-\d{2}$
gpt-6-astra 1050000 10,50,1,12.5 272000:20,75,2,25 ~^gpt-6-astra-\d{4}-\d{2}-\d{2}$
gpt-6-cyber - 20,100,2,25 -
gpt-6-luna 1050000 0.1,0.5,0.01,0.125 272000:0.2,0.75,0.02,0.25 ~^gpt-6-luna-\d{4}-\d{2}-\d{2}$
gpt-6-rosalind - 15,75,1.5,18.75 272000:30,112.5,3,37.5
gpt-6-sol 1050000 2,10,0.2,2.5 272000:4,15,0.4,5 ~^gpt-6-sol-\d{4}-\d{2}-\d{2}$
gpt-6.1-sol 1050000 2,10,0.1,2.5 272000:4,15,0.2,5 ~^gpt-6\.1-sol-\d{4}-\d{2}-\d{2}$
gpt-6.1-terra 1050000 1,5,0.05,1.25 272000:2,7.5,0.1,2.5 ~^gpt-6\.1-terra-\d{4}-\d{2}-\d{2}$
gpt-audio 128000 -,-,-,- - gpt-audio-2025-08-28 gpt-audio-1.5
gpt-audio-mini 128000 -,-,-,- - gpt-audio-mini-2025-10-06 gpt-audio-mini-2025-12-15
gpt-chat-latest - 5,30,0.5,- - chat-latest
gpt-image-1 - -,-,-,- -
gpt-image-1-mini - -,-,-,- -
gpt-image-1.5 - -,-,-,- - gpt-image-1.5-2025-12-16
gpt-image-2 - -,-,-,- - gpt-image-2-2026-04-21
gpt-image-2.5-flare - -,-,-,- - gpt-image-2.5-flare-2026-09-08
gpt-image-2.5-sunburst - -,-,-,- - gpt-image-2.5-sunburst-2026-09-08
gpt-live-1 - -,-,-,- -
gpt-live-transcribe - -,-,-,- -
gpt-oss-120b 131072 0.039,0.18,-,- -
gpt-oss-20b 131072 0.029,0.14,-,- -
gpt-oss-safeguard-20b 131072 0.075,0.3,0.037,- -
gpt-realtime 32000 -,-,-,- - gpt-realtime-2025-08-28 gpt-realtime-1.5
gpt-realtime-2 128000 -,-,-,- - gpt-realtime-2.1
gpt-realtime-mini - -,-,-,- - gpt-realtime-2.1-mini gpt-realtime-mini-2025-12-15 gpt-realtime-mini-2025-10-06
gpt-realtime-translate - -,-,-,- -
gpt-realtime-whisper - -,-,-,- -
gpt-rosalind-discovery - 5,25,0.5,- -
gpt-rosalind-research - 5,25,0.5,- -
gpt-transcribe - -,-,-,- -
*moderation - -,-,-,- -
o1 200000 15,60,7.5,- - o1-2024-12-17
o1-mini 128000 1.1,4.4,0.55,- - o1-mini-2024-09-12
o1-preview 128000 15,60,7.5,- - o1-preview-2024-09-12
o1-pro 200000 150,600,-,- - o1-pro-2025-03-19
o3 200000 2,8,0.5,- - o3-2025-04-16
o3-deep-research 200000 10,40,2.5,- - o3-deep-research-2025-06-26
o3-mini 200000 1.1,4.4,0.55,- - o3-mini-2025-01-31 o3-mini-high
o3-pro 200000 20,80,-,- - o3-pro-2025-06-10
o4-mini-2025-04-16 200000 1.1,4.4,0.275,- - o4-mini-high o4-mini
o4-mini-deep-research 200000 2,8,0.5,- - o4-mini-deep-research-2025-06-26
text-davinci-002 - 20,20,-,- -
text-davinci-003 - 20,20,-,- -
text-embedding-3-large 8192 0.13,-,-,- -
text-embedding-3-small 8192 0.02,-,-,- -
text-embedding-ada 8192 0.1,-,-,- - text-embedding-ada-002 text-embedding-ada-002-v2
tts-1 - -,-,-,- -
tts-1-hd - -,-,-,- -
whisper-1 - -,-,-,- -
""",
    "openrouter": r"""
01-ai/yi-large - 3,3,-,- -
aetherwiing/mn-starcannon-12b - 0.8,1.2,-,- -
agentica-org/deepcoder-14b-preview:free - -,-,-,- -
ai21/jamba-1-5-large - 2,8,-,- -
ai21/jamba-1-5-mini - 0.2,0.4,-,- -
ai21/jamba-1.6-large - 2,8,-,- -
ai21/jamba-1.6-mini - 0.2,0.4,-,- -
ai21/jamba-instruct - 0.5,0.7,-,- -
ai21/jamba-large-1.7 - 2,8,-,- -
aion-labs/aion-1.0 - 4,8,-,- -
aion-labs/aion-1.0-mini - 0.7,1.4,-,- -
aion-labs/aion-2.0 131072 0.8,1.6,0.2,- - aion-labs/aion-2.0-20260223
aion-labs/aion-3.0 131072 3,6,0.75,- - aion-labs/aion-3.0-20260707
aion-labs/aion-3.0-mini 131072 0.7,1.4,0.18,- - aion-labs/aion-3.0-mini-20260707
aion-labs/aion-3.5 262144 3,6,0.75,- - aion-labs/aion-3.5-20260923
aion-labs/aion-3.5-mini 262144 0.7,1.4,0.18,- - aion-labs/aion-3.5-mini-20260923
aion-labs/aion-rp-llama-3.1-8b 32768 0.8,1.6,-,- -
alfredpros/codellama-7b-instruct-solidity - 0.8,1.2,-,- -
all-hands/openhands-lm-32b-v0.1 - 2.6,3.4,-,- -
allenai/molmo-7b-d:free - -,-,-,- -
allenai/olmo-3-32b-think 65536 0.15,0.5,-,- -
alpindale/goliath-120b - 6.5625,9.375,-,- -
alpindale/magnum-72b - 1.5,2.25,-,- -
amazon/nova-2-lite-v1 1000000 0.3,2.5,-,- -
amazon/nova-lite-v1 300000 0.06,0.24,-,- -
amazon/nova-micro-v1 128000 0.035,0.14,-,- -
amazon/nova-premier-v1 1000000 2.5,12.5,0.625,- -
amazon/nova-pro-v1 300000 0.8,3.2,-,- -
anthracite-org/magnum-v2-72b - 3,3,-,- -
anthracite-org/magnum-v4-72b 32768 2.5,5,-,- -
anthropic/claude-2 - 8,24,-,- - anthropic/claude-2.0 anthropic/claude-2.0:beta anthropic/claude-2.1 anthropic/claude-2.1:beta anthropic/claude-2:beta
anthropic/claude-3-haiku 200000 0.25,1.25,-,- - anthropic/claude-3-haiku:beta
anthropic/claude-3-opus - 15,75,-,- - anthropic/claude-3-opus:beta
anthropic/claude-3-sonnet - 3,15,-,- - anthropic/claude-3-sonnet:beta
anthropic/claude-3.5-haiku - 0.8,4,-,- - anthropic/claude-3.5-haiku-20241022 anthropic/claude-3.5-haiku-20241022:beta anthropic/claude-3.5-haiku:beta
anthropic/claude-3.5-sonnet - 3,15,-,- - anthropic/claude-3.5-sonnet-20240620 anthropic/claude-3.5-sonnet-20240620:beta anthropic/claude-3.5-sonnet:beta
anthropic/claude-3.7-sonnet - 3,15,-,- - anthropic/claude-3.7-sonnet:beta anthropic/claude-3.7-sonnet:thinking
anthropic/claude-fable-5 1000000 10,50,1,12.5 - anthropic/claude-fable-5:beta anthropic/claude-5-fable-20260609
anthropic/claude-fable-5.1 1000000 10,50,0.25,12.5 - anthropic/claude-fable-5.1:beta anthropic/claude-fable-5.1-20260831
anthropic/claude-fable-5.1:batch 1000000 5,25,0.125,6.25 -
anthropic/claude-fable-5:batch 1000000 5,25,0.5,6.25 -
anthropic/claude-haiku-4.5 200000 1,5,0.1,1.25 - anthropic/claude-4.5-haiku-20251001 anthropic/claude-4.5-haiku-20251001:beta anthropic/claude-haiku-4.5-20251001 anthropic/claude-haiku-4.5-20251001:beta anthropic/claude-haiku-4.5:beta
anthropic/claude-haiku-4.5:batch 200000 0.5,2.5,0.05,0.625 -
anthropic/claude-haiku-5.5 1000000 0.1,0.5,0.01,0.125 100000:0.5,2.5,0.05,0.625 anthropic/claude-haiku-5.5-20261007 ~^anthropic/claude-haiku-5\.5-\d{8}$
anthropic/claude-haiku-5.5:batch 1000000 0.05,0.25,0.005,0.0625 100000:0.25,1.25,0.025,0.3125
anthropic/claude-opus-4 200000 15,75,1.5,18.75 - anthropic/claude-opus-4.1 anthropic/claude-4.1-opus-20250805
anthropic/claude-opus-4.1:batch 200000 7.5,37.5,0.75,9.375 -
anthropic/claude-opus-4.5 200000 5,25,0.5,6.25 - anthropic/claude-4.5-opus-20251124 anthropic/claude-4.5-opus-20251124:beta anthropic/claude-opus-4.5-20251124 anthropic/claude-opus-4.5-20251124:beta anthropic/claude-opus-4.5:beta
anthropic/claude-opus-4.5:batch 200000 2.5,12.5,0.25,3.125 -
anthropic/claude-opus-4.6 1000000 5,25,0.5,6.25 - anthropic/claude-4.6-opus-20260205 anthropic/claude-4.6-opus-20260205:beta anthropic/claude-opus-4.6-20260205 anthropic/claude-opus-4.6-20260205:beta anthropic/claude-opus-4.6:beta
anthropic/claude-opus-4.6-fast - 30,150,3,37.5 -
anthropic/claude-opus-4.6:batch 1000000 2.5,12.5,0.25,3.125 -
anthropic/claude-opus-4.7 1000000 5,25,0.5,6.25 - anthropic/claude-opus-4.7:beta anthropic/claude-4.7-opus-20260416
anthropic/claude-opus-4.7-fast 1000000 30,150,3,37.5 -
anthropic/claude-opus-4.7:batch 1000000 2.5,12.5,0.25,3.125 -
anthropic/claude-opus-4.8 1000000 5,25,0.5,6.25 - anthropic/claude-opus-4.8:beta anthropic/claude-4.8-opus-20260528
anthropic/claude-opus-4.8-fast 1000000 10,50,1,12.5 -
anthropic/claude-opus-4.8:batch 1000000 2.5,12.5,0.25,3.125 -
anthropic/claude-opus-5 1000000 5,25,0.5,6.25 - anthropic/claude-opus-5:beta anthropic/claude-opus-5-20260723
anthropic/claude-opus-5-fast 1000000 10,50,1,12.5 -
anthropic/claude-opus-5.5 1000000 4,20,0.2,5 - anthropic/claude-opus-5.5:beta anthropic/claude-opus-5.5-20260921
anthropic/claude-opus-5.5:batch 1000000 2,10,0.1,2.5 -
anthropic/claude-opus-5:batch 1000000 2.5,12.5,0.25,3.125 -
anthropic/claude-sonnet-4 - 3,15,0.3,3.75 -
anthropic/claude-sonnet-4.5 1000000 3,15,0.3,3.75 200000:6,22.5,0.6,7.5 anthropic/claude-4.5-sonnet-20250929 anthropic/claude-4.5-sonnet-20250929:beta anthropic/claude-sonnet-4.5-20250929 anthropic/claude-sonnet-4.5-20250929:beta anthropic/claude-sonnet-4.5:beta
anthropic/claude-sonnet-4.5:batch 1000000 1.5,7.5,0.15,1.875 200000:3,11.25,0.3,3.75
anthropic/claude-sonnet-4.6 1000000 3,15,0.3,3.75 - anthropic/claude-4.6-sonnet-20260217 anthropic/claude-4.6-sonnet-20260217:beta anthropic/claude-sonnet-4.6-20260217 anthropic/claude-sonnet-4.6-20260217:beta anthropic/claude-sonnet-4.6:beta
anthropic/claude-sonnet-4.6:batch 1000000 1.5,7.5,0.15,1.875 -
anthropic/claude-sonnet-5 1000000 2,10,0.2,2.5 - anthropic/claude-sonnet-5:beta anthropic/claude-sonnet-5-20260630
anthropic/claude-sonnet-5.5 1000000 2,10,0.1,2.5 - anthropic/claude-sonnet-5.5:beta anthropic/claude-sonnet-5.5-20260928
anthropic/claude-sonnet-5.5:batch 1000000 1,5,0.05,1.25 -
anthropic/claude-sonnet-5:batch 1000000 1,5,0.1,1.25 -
anubis-pro-105b-v1 - 0.8,1,-,- -
arcee-ai/coder-large - 0.5,0.8,-,- -
arcee-ai/trinity-large-thinking 262144 0.25,0.8,0.06,- -
arcee-ai/trinity-mini - 0.045,0.15,-,- -
arcee-ai/virtuoso-large 131072 0.75,1.2,-,- -
arcee-blitz - 0.45,0.75,-,- -
arliai/qwq-32b-arliai-rpr-v1:free - -,-,-,- -
baidu/ernie-4.5-vl-424b-a47b 123000 0.42,1.25,-,- -
bytedance-research/ui-tars-72b:free - -,-,-,- -
bytedance-seed/seed-1.6 262144 0.25,2,-,- 128000:0.5,4,-,- bytedance-seed/seed-1.6-20250625
bytedance-seed/seed-1.6-flash 262144 0.075,0.3,-,- 128000:0.1,0.8,-,- bytedance-seed/seed-1.6-flash-20250625
bytedance-seed/seed-2-1-turbo 262144 0.5,2.5,-,- - bytedance-seed/seed-2-1-turbo-20260810
bytedance-seed/seed-2.0-code 262144 0.5,3,-,- 128000:1,6,-,- bytedance-seed/seed-2.0-code-20260730
bytedance-seed/seed-2.0-lite 262144 0.25,2,-,- 128000:0.5,4,-,- bytedance-seed/seed-2.0-lite-20260309
bytedance-seed/seed-2.0-mini 262144 0.1,0.4,-,- 128000:0.2,0.8,-,- bytedance-seed/seed-2.0-mini-20260224
bytedance/ui-tars-1.5-7b 128000 0.1,0.2,-,- -
caller-large - 0.55,0.85,-,- -
chatgpt-4o-latest - 5,15,-,- -
claude-2 - 8,24,-,- - claude-2.0 claude-2.0:beta claude-2.1 claude-2.1:beta claude-2:beta
claude-3-opus - 15,75,1.5,18.75 - claude-3-opus:beta
claude-3-sonnet - 3,15,0.3,3.75 - claude-3-sonnet:beta
claude-3.5-sonnet - 3,15,0.3,3.75 - claude-3.5-sonnet-20240620 claude-3.5-sonnet-20240620:beta claude-3.5-sonnet:beta
claude-3.7-sonnet - 3,15,0.3,3.75 - claude-3.7-sonnet:beta claude-3.7-sonnet:thinking
cloudflare/clef 65536 0.24,-,-,- -
cloudflare/clef-flash 65536 0.09,-,-,- -
codellama-7b-instruct-solidity - 0.8,1.2,-,- -
codestral-2501 - 0.3,0.9,-,- -
codex-mini - 1.5,6,0.375,- -
cognitivecomputations/dolphin-mistral-24b-venice-edition 128000 0.2,0.9,-,- - venice/uncensored
cognitivecomputations/dolphin-mistral-24b-venice-edition:free - -,-,-,- -
cognitivecomputations/dolphin-mixtral-8x22b - 0.9,0.9,-,- -
cognitivecomputations/dolphin-mixtral-8x7b - 0.5,0.5,-,- -
cognitivecomputations/dolphin3.0-mistral-24b:free - -,-,-,- -
cognitivecomputations/dolphin3.0-r1-mistral-24b:free - -,-,-,- -
cohere/command - 1,2,-,- -
cohere/command-a 256000 2.5,10,-,- - cohere/command-a-03-2025
cohere/command-a-plus 192000 0.3,1.5,0.15,- - cohere/command-a-plus-05-2026
cohere/command-r - 0.5,1.5,-,- - cohere/command-r-03-2024
cohere/command-r-08-2024 128000 0.15,0.6,-,- -
cohere/command-r-plus - 3,15,-,- - cohere/command-r-plus-04-2024
cohere/command-r-plus-08-2024 128000 2.5,10,-,- -
cohere/command-r7b-12-2024 128000 0.0375,0.15,-,- -
cohere/north-mini-code:free 256000 -,-,-,- -
command - 1,2,-,- -
command-r - 0.5,1.5,-,- - command-r-03-2024
command-r-plus - 3,15,-,- - command-r-plus-04-2024
deepcoder-14b-preview:free - -,-,-,- -
deepcogito/cogito-v2.1-671b - 1.25,1.25,-,- -
deephermes-3-llama-3-8b-preview:free - -,-,-,- -
deepseek-chat-v3-0324:free - -,-,-,- -
deepseek-chat:free - -,-,-,- -
deepseek-prover-v2 - 0.5,2.18,-,- -
deepseek-r1-0528-qwen3-8b - 0.05,0.1,-,- -
deepseek-r1-0528-qwen3-8b:free - -,-,-,- -
deepseek-r1-0528:free - -,-,-,- -
deepseek-r1-distill-llama-70b:free - -,-,-,- -
deepseek-r1-distill-llama-8b - 0.04,0.04,-,- -
deepseek-r1-distill-qwen-1.5b - 0.18,0.18,-,- -
deepseek-r1-distill-qwen-14b - 0.15,0.15,-,- -
deepseek-r1-distill-qwen-14b:free - -,-,-,- -
deepseek-r1-distill-qwen-32b:free - -,-,-,- -
deepseek-r1-distill-qwen-7b - 0.1,0.2,-,- -
deepseek-r1:free - -,-,-,- -
deepseek-r1t-chimera:free - -,-,-,- -
deepseek-v3-base:free - -,-,-,- -
deepseek/deepseek-chat - 0.2574,1.0287,-,- - deepseek/deepseek-chat-v3
deepseek/deepseek-chat-v3-0324 163840 0.25,1,0.11,- -
deepseek/deepseek-chat-v3-0324:free - -,-,-,- -
deepseek/deepseek-chat-v3.1 - 0.27,1,-,- -
deepseek/deepseek-chat:free - -,-,-,- -
deepseek/deepseek-r1 64000 0.7,2.5,-,- -
deepseek/deepseek-r1-0528 - 0.5,2.15,0.35,- -
deepseek/deepseek-r1-distill-llama-70b 8192 0.1,0.4,-,- -
deepseek/deepseek-r1-distill-llama-70b:free - -,-,-,- -
deepseek/deepseek-r1-distill-llama-8b - 0.04,0.04,-,- -
deepseek/deepseek-r1-distill-qwen-1.5b - 0.18,0.18,-,- -
deepseek/deepseek-r1-distill-qwen-14b - 0.15,0.15,-,- -
deepseek/deepseek-r1-distill-qwen-14b:free - -,-,-,- -
deepseek/deepseek-r1-distill-qwen-32b - 0.12,0.18,-,- -
deepseek/deepseek-r1-distill-qwen-32b:free - -,-,-,- -
deepseek/deepseek-r1-zero:free - -,-,-,- -
deepseek/deepseek-r1:free - -,-,-,- -
deepseek/deepseek-v3-base:free - -,-,-,- -
deepseek/deepseek-v3.1-terminus 163840 0.27,1,-,- -
deepseek/deepseek-v3.2 - 0.26,0.38,0.13,- - deepseek/deepseek-v3.2-20251201
deepseek/deepseek-v3.2-exp 163840 0.27,0.41,-,- -
deepseek/deepseek-v4-flash - 0.105,0.21,0.021,- - deepseek/deepseek-v4-flash-20260423
deepseek/deepseek-v4-flash-0731 1048576 0.14,0.28,0.05,- - deepseek/deepseek-v4-flash-20260731
deepseek/deepseek-v4-flash-0731:batch 1048576 0.048,0.144,0.012,- -
deepseek/deepseek-v4-flash-vision-exp 1048576 0.2156,0.6468,0.00686,- - deepseek/deepseek-v4-flash-vision-exp-20260821
deepseek/deepseek-v4-pro - 1.416,2.832,0.118,- - deepseek/deepseek-v4-pro-20260423
deepseek/deepseek-v4-pro-0813 1048576 0.66,1.98,0.022,- - deepseek/deepseek-v4-pro-20260813
deepseek/deepseek-v4.1-flash 1048576 0.21,0.84,0.0042,- - deepseek/deepseek-v4.1-flash-20260910
deepseek/deepseek-v4.1-flash-1017:batch 1048576 0.011,0.2,0.002,- -
deepseek/deepseek-v4.1-flash:batch 1048576 0.011,0.2,0.002,- -
devstral-small - 0.06,0.12,-,- -
devstral-small:free - -,-,-,- -
dobby-mini-unhinged-plus-llama-3.1-8b - 0.2,0.2,-,- -
dolphin-mixtral-8x22b - 0.9,0.9,-,- -
dolphin3.0-mistral-24b:free - -,-,-,- -
dolphin3.0-r1-mistral-24b:free - -,-,-,- -
dots-studio/dots-3-note-preview:free 512000 -,-,-,- -
eleutherai/llemma_7b - 0.8,1.2,-,- -
elorian/glimpse 262144 0.6,3,0.06,- - elorian/glimpse-20261016
essentialai/rnj-1-instruct - 0.15,0.15,-,- -
eva-llama-3.33-70b - 4,6,-,- -
eva-qwen-2.5-32b - 2.6,3.4,-,- -
eva-qwen-2.5-72b - 4,6,-,- -
eva-unit-01/eva-llama-3.33-70b - 4,6,-,- -
eva-unit-01/eva-qwen-2.5-32b - 2.6,3.4,-,- -
eva-unit-01/eva-qwen-2.5-72b - 0.9,1.2,-,- -
featherless/qwerky-72b:free - -,-,-,- -
fimbulvetr-11b-v2 - 0.8,1.2,-,- -
fireworks/ember-1 1048576 3,15,0.3,- - fireworks/ember-1-20260923
gemini-2.0-flash-001 - 0.1,0.4,0.025,0.1833 -
gemini-2.0-flash-exp:free - -,-,-,- -
gemini-2.0-flash-lite-001 - 0.075,0.3,-,- -
gemini-2.5-flash-lite-preview-06-17 - 0.1,0.4,-,- -
gemini-2.5-flash-preview - 0.15,0.6,0.0375,0.2333 - gemini-2.5-flash-preview-05-20
gemini-2.5-flash-preview-05-20:thinking - 0.15,3.5,0.0375,0.2333 -
gemini-2.5-flash-preview:thinking - 0.15,3.5,0.0375,0.2333 -
gemini-2.5-pro-exp-03-25 - -,-,-,- -
gemini-flash-1.5 - 0.075,0.3,0.01875,0.1583 -
gemini-flash-1.5-8b - 0.0375,0.15,0.01,0.0583 -
gemini-pro-1.5 - 1.25,5,-,- -
gemma-2-9b-it - 0.2,0.2,-,- -
gemma-2-9b-it:free - -,-,-,- -
gemma-3-12b-it:free - -,-,-,- -
gemma-3-27b-it:free - -,-,-,- -
gemma-3-4b-it:free - -,-,-,- -
gemma-3n-e4b-it:free - -,-,-,- -
glm-4-32b - 0.24,0.24,-,- -
glm-4-32b:free - -,-,-,- -
glm-4.5-air:free - -,-,-,- -
glm-5v-turbo - 1.2,4,0.24,- -
glm-z1-32b - 0.24,0.24,-,- -
glm-z1-32b:free - -,-,-,- -
glm-z1-rumination-32b - 0.24,0.24,-,- -
goliath-120b - 10,12.5,-,- -
google/gemini-2.0-flash-001 - 0.1,0.4,-,- -
google/gemini-2.0-flash-exp:free - -,-,-,- -
google/gemini-2.0-flash-lite-001 - 0.075,0.3,-,- -
google/gemini-2.0-flash-thinking-exp-1219:free - -,-,-,- -
google/gemini-2.0-flash-thinking-exp:free - -,-,-,- -
google/gemini-2.5-flash 1048576 0.3,2.5,0.03,0.0833333333333333 -
google/gemini-2.5-flash-image 32768 0.3,2.5,0.03,0.08333333333333334 -
google/gemini-2.5-flash-lite 1048576 0.1,0.4,0.01,0.08333333333333334 -
google/gemini-2.5-flash-lite-preview-09-2025 - 0.1,0.4,-,- -
google/gemini-2.5-flash-lite:batch 1048576 0.05,0.2,0.01,0.04166666666666665 -
google/gemini-2.5-flash-preview - 0.15,0.6,-,- -
google/gemini-2.5-flash-preview-09-2025 - 0.3,2.5,0.075,0.383 -
google/gemini-2.5-flash-preview:thinking - 0.15,3.5,-,- -
google/gemini-2.5-flash:batch 1048576 0.15,1.25,0.03,0.04166666666666665 -
google/gemini-2.5-pro 1048576 1.25,10,0.125,0.375 200000:2.5,15,0.25,0.375 google/gemini-2.5-pro-preview google/gemini-2.5-pro-preview-05-06
google/gemini-2.5-pro-exp-03-25:free - -,-,-,- -
google/gemini-2.5-pro-preview-03-25 - 1.25,10,-,- -
google/gemini-2.5-pro:batch 1048576 0.625,5,0.125,0.1875 200000:1.25,7.5,0.25,0.1875
google/gemini-3-flash-preview 1048576 0.5,3,0.05,0.08333333333333334 - google/gemini-3-flash-preview-20251217
google/gemini-3-flash-preview:batch 1048576 0.25,1.5,-,0.04166666666666665 -
google/gemini-3-pro-image 131072 2,12,0.2,0.375 - google/gemini-3-pro-image-20260528
google/gemini-3-pro-image-preview 65536 2,12,0.2,0.375 - google/gemini-3-pro-image-preview-20251120
google/gemini-3.1-flash-image 131072 0.5,3,-,- - google/gemini-3.1-flash-image-20260528
google/gemini-3.1-flash-image-preview 65536 0.5,3,-,- - google/gemini-3.1-flash-image-preview-20260226
google/gemini-3.1-flash-lite 1048576 0.25,1.5,0.025,0.08333333333333334 - google/gemini-3.1-flash-lite-preview google/gemini-3.1-flash-lite-20260507
google/gemini-3.1-flash-lite-image 65536 0.25,1.5,-,- - google/gemini-3.1-flash-lite-image-20260630
google/gemini-3.1-flash-lite:batch 1048576 0.125,0.75,0.0125,0.04166666666666665 -
google/gemini-3.1-pro-preview 1048576 2,12,0.2,0.375 200000:4,18,0.4,0.375 google/gemini-3.1-pro-preview-customtools google/gemini-3.1-pro-preview-20260219
google/gemini-3.1-pro-preview:batch 1048576 1,6,-,0.1875 200000:2,9,-,0.1875
google/gemini-3.5-flash 1048576 1.5,9,0.15,0.08333333333333334 - google/gemini-3.5-flash-20260519 ~^google/gemini-3\.5-flash-\d{8}$
google/gemini-3.5-flash-lite 1048576 0.3,2.5,0.03,0.0833333333333333 - google/gemini-3.5-flash-lite-20260721
google/gemini-3.5-flash-lite:batch 1048576 0.15,1.25,0.015,0.04166666666666665 -
google/gemini-3.5-flash:batch 1048576 0.75,4.5,0.075,0.04166666666666665 -
google/gemini-3.6-flash 1048576 0.75,3.75,0.075,0.0416666666666667 - google/gemini-3.6-flash-20260721
google/gemini-3.6-flash:batch 1048576 0.375,1.875,0.0375,0.0416666666666667 -
google/gemini-3.7-flash 1048576 0.75,3.75,0.075,0.0416666666666667 - google/gemini-3.7-flash-20260813
google/gemini-3.7-flash:batch 1048576 0.375,1.875,0.0375,0.0416666666666667 -
google/gemini-3.8-flash 1048576 0.75,3.75,0.075,0.041666666666666664 - google/gemini-3.8-flash-20260902 ~^google/gemini-3\.8-flash-\d{8}$
google/gemini-3.8-flash:batch 1048576 0.375,1.875,0.0375,0.0416666666666667 -
google/gemini-4-argon 1048576 2,10,0.1,0.1875 - google/gemini-4-argon-20261013
google/gemini-4-argon:batch 1048576 1,5,0.05,0.1875 -
google/gemini-flash-1.5 - 0.075,0.3,-,- -
google/gemini-flash-1.5-8b - 0.0375,0.15,-,- -
google/gemini-flash-1.5-8b-exp - -,-,-,- -
google/gemini-nano-banana-2.1 65536 1.5,7.5,-,- - google/gemini-nano-banana-2.1-20261006
google/gemini-omni-1.1-flash 131072 1.5,9,-,- - google/gemini-omni-1.1-flash-20260911
google/gemini-omni-1.2-flash 131072 1.5,9,-,- - google/gemini-omni-1.2-flash-20261105
google/gemini-pro - 0.5,1.5,-,- - google/gemini-pro-vision
google/gemini-pro-1.5 - 1.25,5,-,- -
google/gemma-2-27b-it 8192 0.65,0.65,-,- -
google/gemma-2-9b-it - 0.07,0.07,-,- -
google/gemma-2-9b-it:free - -,-,-,- -
google/gemma-3-12b-it 131072 0.05,0.15,-,- -
google/gemma-3-12b-it:free - -,-,-,- -
google/gemma-3-1b-it:free - -,-,-,- -
google/gemma-3-27b-it - 0.08,0.35,0.04,- -
google/gemma-3-27b-it:free - -,-,-,- -
google/gemma-3-4b-it 131072 0.04,0.05,0.02,- -
google/gemma-3-4b-it:free - -,-,-,- -
google/gemma-3n-e4b-it - 0.06,0.12,-,- -
google/gemma-4-26b-a4b-it - 0.15,0.6,0.0425,- - google/gemma-4-26b-a4b-it-20260403
google/gemma-4-26b-a4b-it:free 262144 -,-,-,- -
google/gemma-4-31b-it 262144 0.15,0.4,0.06,- - google/gemma-4-31b-it-20260402
google/gemma-4-31b-it:free 262144 -,-,-,- -
google/learnlm-1.5-pro-experimental:free - -,-,-,- -
google/lyria-3-clip-preview 1048576 -,-,-,- - google/lyria-3-clip-preview-20260330
google/lyria-3-pro-preview 1048576 -,-,-,- - google/lyria-3-pro-preview-20260330
google/palm-2-chat-bison - 1,2,-,- - google/palm-2-chat-bison-32k
google/palm-2-codechat-bison - 1,2,-,- - google/palm-2-codechat-bison-32k
gpt-3.5-turbo-1106 - 1,2,-,- -
gpt-4-1106-preview - 10,30,-,- -
gpt-4.5-preview - 75,150,37.5,- -
gpt-4o:extended - 6,18,-,- -
grok-2-1212 - 2,10,-,- -
grok-2-vision-1212 - 2,10,-,- -
grok-3 - 3,15,0.75,- - grok-3-beta
grok-3-mini - 0.3,0.5,0.075,- - grok-3-mini-beta
grok-beta - 5,15,-,- -
grok-vision-beta - 5,15,-,- -
gryphe/mythomax-l2-13b - 0.08,0.11,-,- -
hermes-2-pro-llama-3-8b - 0.025,0.04,-,- -
huggingfaceh4/zephyr-7b-beta:free - -,-,-,- -
ibm-granite/granite-4.0-h-micro 131000 0.017,0.112,-,- -
ibm-granite/granite-4.1-8b 131072 0.05,0.1,-,- -
ibm-granite/granite-4.2-8b 131072 0.06,0.15,0.015,- - ibm-granite/granite-4.2-8b-20260831
inception/mercury-2 128000 0.25,0.75,0.025,- - inception/mercury-2-20260304
inception/mercury-2.5 260000 0.04,0.15,0.004,- - inception/mercury-2.5-20260908
inception/mercury-3 1000000 0.1,0.35,0.01,- - inception/mercury-3-20261019
inclusionai/ling-2.6-1t - 0.075,0.625,0.015,- -
inclusionai/ling-2.6-flash - 0.01,0.03,0.002,- -
inclusionai/ling-3.0-flash 262144 0.021,0.063,0.0042,- - inclusionai/ling-3.0-flash-20260723
inclusionai/ling-3.0-flash-vl 131072 0.06,0.18,0.012,- - inclusionai/ling-3.0-flash-vl-20260910
inclusionai/ling-3.0-tiny 262144 0.015,0.045,0.003,- - inclusionai/ling-3.0-tiny-20260806
inclusionai/ling-3.1-flash 262144 0.045,0.135,0.009,- - inclusionai/ling-3.1-flash-20261002
inclusionai/ring-2.6-1t - 0.075,0.625,0.015,- -
inference-net/schematron-v2-small 128000 0.05,0.23,-,- - inference-net/schematron-v2-small-20260902
inference-net/schematron-v2-turbo 128000 0.03,0.15,-,- - inference-net/schematron-v2-turbo-20260902
infermatic/mn-inferor-12b - 0.8,1.2,-,- -
inflection/inflection-3-pi - 2.5,10,-,- -
inflection/inflection-3-productivity - 2.5,10,-,- -
internvl3-14b:free - -,-,-,- -
internvl3-2b:free - -,-,-,- -
jamba-1.6-large - 2,8,-,- -
jamba-1.6-mini - 0.2,0.4,-,- -
jondurbin/airoboros-l2-70b - 0.5,0.5,-,- -
kimi-dev-72b:free - -,-,-,- -
kimi-vl-a3b-thinking:free - -,-,-,- -
kwaipilot/kat-coder-pro-v2 - 0.3,1.2,0.06,- -
l3-euryale-70b - 1.48,1.48,-,- -
latitudegames/wayfarer-large-70b-llama-3.3 - 0.8,0.9,-,- -
lfm-3b - 0.02,0.02,-,- -
lfm-40b - 0.15,0.15,-,- -
lfm-7b - 0.01,0.01,-,- -
liquid/lfm-2-24b-a2b - 0.03,0.12,-,- -
liquid/lfm-2.5-1.2b-instruct:free - -,-,-,- -
liquid/lfm-2.5-1.2b-thinking:free - -,-,-,- -
liquid/lfm-2.5-2.6b 128000 0.35,0.5,0.04,- - liquid/lfm-2.5-2.6b-20260811
liquid/lfm-2.5-2.6b:free 65536 -,-,-,- -
liquid/lfm-2.5-24b-a2b 128000 0.05,0.7,0.025,- - liquid/lfm-2.5-24b-a2b-20261012
liquid/lfm-3-1.7b 262144 0.08,0.2,0.02,- - liquid/lfm-3-1.7b-20261106
liquid/lfm-3-1.7b:free 262144 -,-,-,- -
liquid/lfm-3b - 0.02,0.02,-,- -
liquid/lfm-40b - 0.15,0.15,-,- -
liquid/lfm-7b - 0.01,0.01,-,- -
llama-3-lumimaid-70b - 4,6,-,- -
llama-3-lumimaid-8b - 0.2,1.25,-,- -
llama-3.1-405b - 2,2,-,- -
llama-3.1-405b-instruct - 0.8,0.8,-,- -
llama-3.1-8b-instruct:free - -,-,-,- -
llama-3.1-lumimaid-70b - 2.5,3,-,- -
llama-3.1-lumimaid-8b - 0.2,1.25,-,- -
llama-3.1-nemotron-70b-instruct - 0.12,0.3,-,- -
llama-3.1-nemotron-ultra-253b-v1 - 0.6,1.8,-,- -
llama-3.1-nemotron-ultra-253b-v1:free - -,-,-,- -
llama-3.1-sonar-large-128k-online - 1,1,-,- -
llama-3.1-sonar-small-128k-online - 0.2,0.2,-,- -
llama-3.2-11b-vision-instruct:free - -,-,-,- -
llama-3.2-1b-instruct:free - -,-,-,- -
llama-3.2-90b-vision-instruct - 1.2,1.2,-,- -
llama-3.3-8b-instruct:free - -,-,-,- -
llama-3.3-nemotron-super-49b-v1 - 0.13,0.4,-,- -
llama-3.3-nemotron-super-49b-v1:free - -,-,-,- -
llama-4-maverick:free - -,-,-,- -
llama-4-scout:free - -,-,-,- -
llama-guard-2-8b - 0.2,0.2,-,- -
llama3.1-typhoon2-70b-instruct - 0.88,0.88,-,- -
llemma_7b - 0.8,1.2,-,- -
maestro-reasoning - 0.9,3.3,-,- -
magistral-medium-2506 - 2,5,-,- - magistral-medium-2506:thinking
magistral-small-2506 - 0.5,1.5,-,- -
magnum-72b - 4,6,-,- -
magnum-v2-72b - 3,3,-,- -
mai-ds-r1:free - -,-,-,- -
mancer/weaver 8000 0.4,0.75,-,- -
meituan/longcat-2.0 1048756 0.3,1.2,0.006,- - meituan/longcat-2.0-20260720
mercury-coder-small-beta - 0.25,1,-,- -
meta-llama/llama-2-13b-chat - 0.22,0.22,-,- -
meta-llama/llama-2-70b-chat - 0.9,0.9,-,- -
meta-llama/llama-3-70b-instruct - 0.3,0.4,-,- -
meta-llama/llama-3-8b-instruct - 0.03,0.06,-,- -
meta-llama/llama-3.1-405b - 2,2,-,- -
meta-llama/llama-3.1-405b-instruct - 0.8,0.8,-,- -
meta-llama/llama-3.1-405b:free - -,-,-,- -
meta-llama/llama-3.1-70b-instruct 131072 0.72,0.72,-,- -
meta-llama/llama-3.1-8b-instruct - 0.05,0.08,0.025,- -
meta-llama/llama-3.1-8b-instruct:free - -,-,-,- -
meta-llama/llama-3.2-11b-vision-instruct - 0.049,0.049,-,- -
meta-llama/llama-3.2-11b-vision-instruct:free - -,-,-,- -
meta-llama/llama-3.2-1b-instruct 60000 0.027,0.201,-,- -
meta-llama/llama-3.2-1b-instruct:free - -,-,-,- -
meta-llama/llama-3.2-3b-instruct - 0.0509,0.335,-,- -
meta-llama/llama-3.2-3b-instruct:free - -,-,-,- -
meta-llama/llama-3.2-90b-vision-instruct - 0.9,0.9,-,- -
meta-llama/llama-3.3-70b-instruct - 0.59,0.79,0.295,- -
meta-llama/llama-3.3-70b-instruct:free - -,-,-,- -
meta-llama/llama-4-maverick - 0.35,1,0.17,- - meta-llama/llama-4-maverick-17b-128e-instruct
meta-llama/llama-4-maverick:free - -,-,-,- -
meta-llama/llama-4-scout - 0.1,0.3,-,- - meta-llama/llama-4-scout-17b-16e-instruct
meta-llama/llama-4-scout:free - -,-,-,- -
meta-llama/llama-guard-2-8b - 0.2,0.2,-,- -
meta-llama/llama-guard-3-8b - 0.02,0.06,-,- -
meta-llama/llama-guard-4-12b 163840 0.18,0.18,-,- -
meta/muse-glimmer-30b 131072 0.3,1.2,0.04,- - meta/muse-glimmer-30b-20260810
meta/muse-glimmer-30b:batch 131072 0.24,0.96,0.032,- -
meta/muse-spark-1.1 1048576 1.25,4.25,0.15,- - meta/muse-spark-1.1-20260709
meta/muse-spark-1.2 1048576 1.25,4.25,0.15,- - meta/muse-spark-1.2-20260805
meta/muse-spark-1.2-contributor 1048576 0.1,0.2,0.002,- - meta/muse-spark-1.2-contributor-20260805
meta/muse-spark-1.3 1048576 1.25,4.25,0.15,- - meta/muse-spark-1.3-20260902
meta/muse-spark-1.3-contributor 1048576 0.1,0.2,0.002,- - meta/muse-spark-1.3-contributor-20260902
meta/muse-spark-open 1048576 1.25,4.25,0.15,- - meta/muse-spark-open-20261015
meta/muse-wonder 1048576 4,20,0.2,- - meta/muse-wonder-20261012
microsoft/phi-3-medium-128k-instruct - 1,1,-,- -
microsoft/phi-3-mini-128k-instruct - 0.1,0.1,-,- -
microsoft/phi-3.5-mini-128k-instruct - 0.1,0.1,-,- -
microsoft/phi-4 16384 0.07,0.14,-,- -
microsoft/phi-4-mini-instruct - 0.08,0.35,-,- -
microsoft/phi-4-multimodal-instruct - 0.05,0.1,-,- -
microsoft/wizardlm-2-7b - 0.07,0.07,-,- -
microsoft/wizardlm-2-8x22b 65535 0.62,0.62,-,- -
midnight-rose-70b - 0.8,0.8,-,- -
minimax-m1:extended - 0.55,2.2,-,- -
minimax/minimax-01 1000192 0.2,1.1,-,- -
minimax/minimax-m1 1000000 0.55,2.2,-,- -
minimax/minimax-m2 - 0.255,1.02,0.03,- -
minimax/minimax-m2-her 65536 0.3,1.2,0.03,- - minimax/minimax-m2-her-20260123
minimax/minimax-m2.1 204800 0.3,1.2,0.03,- -
minimax/minimax-m2.5 - 0.295,1.2,0.06,- - minimax/minimax-m2.5-20260211
minimax/minimax-m2.7 - 0.27,1.08,0.054,- - minimax/minimax-m2.7-20260318
minimax/minimax-m3 - 0.3,1.2,0.06,- - minimax/minimax-m3-20260531
minimax/minimax-m3.1-flash:free 1000000 -,-,-,- -
minimax/minimax-m3:batch 524288 0.224,0.88,0.0448,- -
ministral-3b - 0.04,0.04,-,- -
ministral-8b - 0.1,0.1,-,- -
mistral-7b-instruct - 0.028,0.054,-,- - mistral-7b-instruct-v0.3
mistral-7b-instruct-v0.1 - 0.11,0.19,-,- -
mistral-7b-instruct-v0.2 - 0.2,0.2,-,- -
mistral-7b-instruct:free - -,-,-,- -
mistral-medium - 2.75,8.1,-,- -
mistral-nemo:free - -,-,-,- -
mistral-small - 0.2,0.6,-,- -
mistral-small-24b-instruct-2501:free - -,-,-,- -
mistral-small-3.1-24b-instruct:free - -,-,-,- -
mistral-small-3.2-24b-instruct:free - -,-,-,- -
mistral-tiny - 0.25,0.25,-,- -
mistral/ministral-8b - 0.1,0.1,-,- -
mistralai/codestral-2501 - 0.3,0.9,-,- -
mistralai/codestral-2508 256000 0.3,0.9,0.03,- -
mistralai/codestral-2508:batch 256000 0.15,0.45,0.015,- -
mistralai/codestral-mamba - 0.25,0.25,-,- -
mistralai/devstral-2512 262144 0.4,2,0.04,- -
mistralai/ministral-14b-2512 262144 0.2,0.2,0.02,- -
mistralai/ministral-3b - 0.04,0.04,-,- -
mistralai/ministral-3b-2512 131072 0.1,0.1,0.01,- -
mistralai/ministral-8b - 0.1,0.1,-,- -
mistralai/ministral-8b-2512 262144 0.15,0.15,0.015,- -
mistralai/ministral-8b-2512:batch 262144 0.075,0.075,0.0075,- -
mistralai/mistral-7b-instruct - 0.029,0.059,-,- - mistralai/mistral-7b-instruct-v0.3
mistralai/mistral-7b-instruct-v0.1 - 0.2,0.2,-,- -
mistralai/mistral-7b-instruct-v0.2 - 0.2,0.2,-,- -
mistralai/mistral-7b-instruct:free - -,-,-,- -
mistralai/mistral-large 128000 2,6,0.2,- - mistralai/mistral-large-2407 mistral-large-2411
mistralai/mistral-large-2512 262144 0.5,1.5,0.05,- -
mistralai/mistral-large-2512:batch 262144 0.25,0.75,0.025,- -
mistralai/mistral-large-4-0 - 0.7,2.1,0.07,- - mistralai/mistral-large-4-0-20261006
mistralai/mistral-medium - 2.75,8.1,-,- -
mistralai/mistral-medium-3 131072 0.4,2,0.04,- -
mistralai/mistral-medium-3-5 262144 1.5,7.5,-,- - mistralai/mistral-medium-3.5-20260430
mistralai/mistral-medium-3-5:batch 262144 0.75,3.75,-,- -
mistralai/mistral-medium-3.1 131072 0.4,2,0.04,- -
mistralai/mistral-medium-3.1:batch 131072 0.2,1,0.02,- -
mistralai/mistral-nemo - 0.15,0.15,0.015,- -
mistralai/mistral-nemo:free - -,-,-,- -
mistralai/mistral-saba 32768 0.2,0.6,0.02,- - mistralai/mistral-saba-2502
mistralai/mistral-small - 0.2,0.6,-,- -
mistralai/mistral-small-24b-instruct-2501 32768 0.05,0.08,-,- -
mistralai/mistral-small-24b-instruct-2501:free - -,-,-,- -
mistralai/mistral-small-2603 - 0.15,0.6,0.015,- -
mistralai/mistral-small-2603:batch 262144 0.075,0.3,0.0075,- -
mistralai/mistral-small-3.1-24b-instruct 128000 0.351,0.555,-,- - mistralai/mistral-small-3.1-24b-instruct-2503
mistralai/mistral-small-3.1-24b-instruct:free - -,-,-,- -
mistralai/mistral-small-3.2-24b-instruct - 0.1,0.3,0.01,- - mistralai/mistral-small-3.2-24b-instruct-2506
mistralai/mistral-tiny - 0.25,0.25,-,- -
mistralai/mixtral-8x22b-instruct 65536 2,6,0.2,- -
mistralai/mixtral-8x7b-instruct - 0.24,0.24,-,- -
mistralai/pixtral-12b - 0.1,0.1,-,- -
mistralai/pixtral-large-2411 - 2,6,-,- -
mistralai/voxtral-small-24b-2507 32000 0.1,0.3,0.01,- -
mixtral-8x7b-instruct - 0.08,0.24,-,- -
mn-celeste-12b - 0.8,1.2,-,- -
mn-inferor-12b - 0.8,1.2,-,- -
mn-starcannon-12b - 0.8,1.2,-,- -
moondream/moondream3-preview 32000 0.3,2.5,-,- - moondream/moondream3-preview-20261013
moondream/moondream3.1-9b-a2b 32000 0.3,2.5,-,- - moondream/moondream3.1-9b-a2b-20261013
moonshotai/kimi-k2 131072 0.57,2.3,-,- -
moonshotai/kimi-k2-0905 262144 0.6,2.5,-,- -
moonshotai/kimi-k2-thinking 262144 0.6,2.5,0.15,- - moonshotai/kimi-k2-thinking-20251106
moonshotai/kimi-k2.5 - 0.532,3.325,0.209,- - moonshotai/kimi-k2.5-0127
moonshotai/kimi-k2.6 - 0.95,4,0.16,- - moonshotai/kimi-k2.6-20260420
moonshotai/kimi-k2.6:free - -,-,-,- -
moonshotai/kimi-k2.7-code 262144 0.95,4,0.19,- - moonshotai/kimi-k2.7-code-20260612
moonshotai/kimi-k3 1048576 3,15,0.3,- - moonshotai/kimi-k3-20260715
moonshotai/kimi-k3.1-pro 1048576 2,10,0.2,- - moonshotai/kimi-k3.1-pro-20261023
moonshotai/kimi-k3:batch 1048576 0.917,6,0.226,- -
moonshotai/kimi-vl-a3b-thinking:free - -,-,-,- -
moonshotai/moonlight-16b-a3b-instruct:free - -,-,-,- -
morph/morph-v3-fast 81920 0.8,1.2,-,- -
morph/morph-v3-fast:batch 81920 0.4,0.6,-,- -
morph/morph-v3-large 262144 0.9,1.9,-,- -
morph/morph-v3-large:batch 262144 0.45,0.95,-,- -
mythalion-13b - 0.8,1.2,-,- -
neversleep/llama-3-lumimaid-70b - 3.375,4.5,-,- -
neversleep/llama-3-lumimaid-8b - 0.09375,0.75,-,- - neversleep/llama-3-lumimaid-8b:extended
neversleep/llama-3.1-lumimaid-70b - 1.5,2.25,-,- -
neversleep/llama-3.1-lumimaid-8b - 0.09375,0.75,-,- -
neversleep/noromaid-20b - 0.75,1.5,-,- -
nex-agi/nex-n2-pro:free - -,-,-,- -
nex-agi/nex-n2.5-mini 262144 0.025,0.1,0.0025,- - nex-agi/nex-n2.5-mini-20260908
nex-agi/nex-n2.5-pro 262144 0.075,0.25,0.015,- - nex-agi/nex-n2.5-pro-20260907
noromaid-20b - 1.25,2,-,- -
nothingiisreal/mn-celeste-12b - 0.8,1.2,-,- -
nous-hermes-2-mixtral-8x7b-dpo - 0.6,0.6,-,- -
nousresearch/deephermes-3-llama-3-8b-preview:free - -,-,-,- -
nousresearch/hermes-2-pro-llama-3-8b - 0.025,0.04,-,- -
nousresearch/hermes-3-llama-3.1-405b 131072 1,1,-,- -
nousresearch/hermes-3-llama-3.1-405b:free - -,-,-,- -
nousresearch/hermes-3-llama-3.1-70b 131072 0.7,0.7,-,- -
nousresearch/hermes-4-405b 131072 1,3,0.2,- -
nousresearch/hermes-4-70b 131072 0.13,0.4,-,- -
nousresearch/nous-hermes-2-mixtral-8x7b-dpo - 0.6,0.6,-,- -
nousresearch/nous-hermes-llama2-13b - 0.18,0.18,-,- -
nvidia/llama-3.1-nemotron-70b-instruct - 0.12,0.3,-,- -
nvidia/llama-3.1-nemotron-70b-instruct:free - -,-,-,- -
nvidia/llama-3.1-nemotron-nano-8b-v1:free - -,-,-,- -
nvidia/llama-3.1-nemotron-ultra-253b-v1:free - -,-,-,- -
nvidia/llama-3.3-nemotron-super-49b-v1.5 - 0.4,0.4,-,- -
nvidia/llama-3.3-nemotron-super-49b-v1:free - -,-,-,- -
nvidia/nemotron-3-nano-30b-a3b 262144 0.06,0.24,0.012,- -
nvidia/nemotron-3-nano-30b-a3b:free - -,-,-,- -
nvidia/nemotron-3-nano-omni-30b-a3b-reasoning:free 256000 -,-,-,- -
nvidia/nemotron-3-super-120b-a12b - 0.08,0.45,-,- - nvidia/nemotron-3-super-120b-a12b-20230311
nvidia/nemotron-3-super-120b-a12b:free 262144 -,-,-,- -
nvidia/nemotron-3-ultra-550b-a55b - 0.6,2.4,0.12,- - nvidia/nemotron-3-ultra-550b-a55b-20260604
nvidia/nemotron-3-ultra-550b-a55b:free 1000000 -,-,-,- -
nvidia/nemotron-3.5-content-safety 131072 0.2,0.2,-,- - nvidia/nemotron-3.5-content-safety-20260604
nvidia/nemotron-3.5-content-safety:free 128000 -,-,-,- -
nvidia/nemotron-3.5-lightning 262144 0.05,0.2,0.01,- - nvidia/nemotron-3.5-lightning-20260807
nvidia/nemotron-3.5-lightning:free 1000000 -,-,-,- -
nvidia/nemotron-3.5-super-vl 1048576 0.15,0.5,0.02,- - nvidia/nemotron-3.5-super-vl-20261015
nvidia/nemotron-3.5-super-vl:free 1000000 -,-,-,- -
nvidia/nemotron-nano-12b-v2-vl:free - -,-,-,- -
nvidia/nemotron-nano-9b-v2 - 0.04,0.16,-,- -
nvidia/nemotron-nano-9b-v2:free - -,-,-,- -
o1-mini - 1.1,4.4,0.55,- - o1-mini-2024-09-12
open-r1/olympiccoder-32b:free - -,-,-,- -
open-r1/olympiccoder-7b:free - -,-,-,- -
openai/chatgpt-4o-latest - 5,15,-,- -
openai/codex-mini - 1.5,6,0.375,- -
openai/gpt-3.5-turbo 16385 0.5,1.5,-,- - gpt-3.5-turbo-0125
openai/gpt-3.5-turbo-0613 4095 1,2,-,- -
openai/gpt-3.5-turbo-1106 - 1,2,-,- -
openai/gpt-3.5-turbo-16k 16385 3,4,-,- -
openai/gpt-3.5-turbo-instruct 4095 1.5,2,-,- -
openai/gpt-3.5-turbo:batch 16385 0.25,0.75,-,- -
openai/gpt-4 8191 30,60,-,- - gpt-4-0314
openai/gpt-4-1106-preview - 10,30,-,- -
openai/gpt-4-32k - 60,120,-,- - openai/gpt-4-32k-0314
openai/gpt-4-turbo 128000 10,30,-,- - openai/gpt-4-turbo-preview
openai/gpt-4-turbo:batch 128000 5,15,-,- -
openai/gpt-4.1 1047576 2,8,0.5,- - openai/gpt-4.1-2025-04-14
openai/gpt-4.1-mini 1047576 0.4,1.6,0.1,- - openai/gpt-4.1-mini-2025-04-14
openai/gpt-4.1-mini:batch 1047576 0.2,0.8,0.05,- -
openai/gpt-4.1-nano 1047576 0.1,0.4,0.03,- - openai/gpt-4.1-nano-2025-04-14
openai/gpt-4.1-nano:batch 1047576 0.05,0.2,0.0125,- -
openai/gpt-4.1:batch 1047576 1,4,0.25,- -
openai/gpt-4.5-preview - 75,150,-,- -
openai/gpt-4o 128000 2.5,10,1.25,- - openai/gpt-4o-2024-08-06 openai/gpt-4o-2024-11-20 openai/gpt-4o-audio-preview
openai/gpt-4o-2024-05-13 128000 5,15,-,- -
openai/gpt-4o-mini 128000 0.15,0.6,0.075,- - openai/gpt-4o-mini-2024-07-18
openai/gpt-4o-mini-search-preview - 0.15,0.6,-,- -
openai/gpt-4o-mini:batch 128000 0.075,0.3,0.0375,- -
openai/gpt-4o-search-preview - 2.5,10,-,- -
openai/gpt-4o:batch 128000 1.25,5,0.625,- -
openai/gpt-4o:extended - 6,18,-,- -
openai/gpt-5 400000 1.25,10,0.125,- - openai/gpt-5-2025-08-07 openai/gpt-5-chat openai/gpt-5-codex openai/gpt-5.1-codex-max
openai/gpt-5-image 400000 10,10,1.25,- -
openai/gpt-5-image-mini 400000 2.5,2,0.25,- -
openai/gpt-5-mini 400000 0.25,2,0.025,- - openai/gpt-5-mini-2025-08-07
openai/gpt-5-mini:batch 400000 0.125,1,0.0125,- -
openai/gpt-5-nano 400000 0.05,0.4,0.005,- - openai/gpt-5-nano-2025-08-07
openai/gpt-5-nano:batch 400000 0.025,0.2,0.0025,- -
openai/gpt-5-pro 400000 15,120,-,- - openai/gpt-5-pro-2025-10-06
openai/gpt-5-pro:batch 400000 7.5,60,-,- -
openai/gpt-5.1 400000 1.25,10,0.125,- - openai/gpt-5.1-chat openai/gpt-5.1-codex openai/gpt-5.1-20251113
openai/gpt-5.1-codex-mini 400000 0.25,2,0.03,- - openai/gpt-5.1-codex-mini-20251113
openai/gpt-5.1:batch 400000 0.625,5,0.0625,- -
openai/gpt-5.2 400000 1.75,14,0.175,- - openai/gpt-5.2-20251211 openai/gpt-5.2-chat openai/gpt-5.2-codex
openai/gpt-5.2-pro 400000 21,168,-,- - openai/gpt-5.2-pro-20251211
openai/gpt-5.2-pro:batch 400000 10.5,84,-,- -
openai/gpt-5.2:batch 400000 0.875,7,0.0875,- -
openai/gpt-5.3-chat - 1.75,14,0.175,- -
openai/gpt-5.3-codex 400000 1.75,14,0.175,- - openai/gpt-5.3-codex-20260224
openai/gpt-5.4 1050000 2.5,15,0.25,- 272000:5,22.5,0.5,- openai/gpt-5.4-20260305
openai/gpt-5.4-image-2 272000 8,15,2,- - openai/gpt-5.4-image-2-20260421
openai/gpt-5.4-mini 400000 0.75,4.5,0.075,- - openai/gpt-5.4-mini-20260317
openai/gpt-5.4-mini:batch 400000 0.375,2.25,0.0375,- -
openai/gpt-5.4-nano 400000 0.2,1.25,0.02,- - openai/gpt-5.4-nano-20260317
openai/gpt-5.4-nano:batch 400000 0.1,0.625,0.01,- -
openai/gpt-5.4-pro 1050000 30,180,-,- 272000:60,270,-,- openai/gpt-5.4-pro-20260305
openai/gpt-5.4-pro:batch 1050000 15,90,-,- 272000:30,135,-,-
openai/gpt-5.4:batch 1050000 1.25,7.5,0.125,- 272000:2.5,11.25,0.25,-
openai/gpt-5.5 1050000 5,30,0.5,- 272000:10,45,1,- openai/gpt-5.5-20260423
openai/gpt-5.5-pro 1050000 30,180,-,- 272000:60,270,-,- openai/gpt-5.5-pro-20260423
openai/gpt-5.5-pro:batch 1050000 15,90,-,- 272000:30,135,-,-
openai/gpt-5.5:batch 1050000 2.5,15,0.25,- 272000:5,22.5,0.5,-
openai/gpt-5.6-luna 1050000 0.2,1.2,0.02,0.25 272000:0.4,1.8,0.04,0.5 openai/gpt-5.6-luna-20260709 ~^openai/gpt-5\.6-luna-\d{8}$
openai/gpt-5.6-luna-pro 1050000 0.2,1.2,0.02,0.25 272000:0.4,1.8,0.04,0.5 openai/gpt-5.6-luna-pro-20260709
openai/gpt-5.6-luna-pro:batch 1050000 0.1,0.6,0.01,0.125 272000:0.2,0.9,0.02,0.25
openai/gpt-5.6-luna:batch 1050000 0.1,0.6,0.01,0.125 272000:0.2,0.9,0.02,0.25
openai/gpt-5.6-sol 1050000 4,20,0.4,5 272000:8,30,0.8,10 openai/gpt-5.6-sol-20260709 ~^openai/gpt-5\.6-sol-\d{8}$
openai/gpt-5.6-sol-pro 1050000 4,20,0.4,5 272000:8,30,0.8,10 openai/gpt-5.6-sol-pro-20260709
openai/gpt-5.6-sol-pro:batch 1050000 2,10,0.2,2.5 272000:4,15,0.4,5
openai/gpt-5.6-sol:batch 1050000 2,10,0.2,2.5 272000:4,15,0.4,5
openai/gpt-5.6-terra 1050000 2,12,0.2,2.5 272000:4,18,0.4,5 openai/gpt-5.6-terra-20260709 ~^openai/gpt-5\.6-terra-\d{8}$
openai/gpt-5.6-terra-pro 1050000 2,12,0.2,2.5 272000:4,18,0.4,5 openai/gpt-5.6-terra-pro-20260709
openai/gpt-5.6-terra-pro:batch 1050000 1,6,0.1,1.25 272000:2,9,0.2,2.5
openai/gpt-5.6-terra:batch 1050000 1,6,0.1,1.25 272000:2,9,0.2,2.5
openai/gpt-5:batch 400000 0.625,5,0.0625,- -
openai/gpt-6-astra 1050000 10,50,1,12.5 272000:20,75,2,25 openai/gpt-6-astra-20260903 openai/gpt-6-astra-pro openai/gpt-6-astra-pro-20260903
openai/gpt-6-astra-pro:batch 1050000 5,25,0.5,6.25 272000:10,37.5,1,12.5
openai/gpt-6-astra:batch 1050000 5,25,0.5,6.25 272000:10,37.5,1,12.5
openai/gpt-6-luna 1050000 0.1,0.5,0.01,0.125 272000:0.2,0.75,0.02,0.25 openai/gpt-6-luna-pro openai/gpt-6-luna-20260922 ~^openai/gpt-6-luna-\d{8}$
openai/gpt-6-luna:batch 1050000 0.05,0.25,0.005,0.0625 272000:0.1,0.375,0.01,0.125 openai/gpt-6-luna-pro:batch
openai/gpt-6-sol 1050000 2,10,0.2,2.5 272000:4,15,0.4,5 openai/gpt-6-sol-pro openai/gpt-6-sol-20260922 ~^openai/gpt-6-sol-\d{8}$
openai/gpt-6-sol:batch 1050000 1,5,0.1,1.25 272000:2,7.5,0.2,2.5 openai/gpt-6-sol-pro:batch
openai/gpt-6.1-sol 1050000 2,10,0.1,2.5 272000:4,15,0.2,5 openai/gpt-6.1-sol-pro openai/gpt-6.1-sol-20260929 ~^openai/gpt-6\.1-sol-\d{8}$ ~^openai/gpt-6\.1-sol-pro-\d{8}$
openai/gpt-6.1-sol:batch 1050000 1,5,0.05,1.25 272000:2,7.5,0.1,2.5 openai/gpt-6.1-sol-pro:batch
openai/gpt-6.1-terra 1050000 1,5,0.05,1.25 272000:2,7.5,0.1,2.5 openai/gpt-6.1-terra-20261026 openai/gpt-6.1-terra-pro openai/gpt-6.1-terra-pro-20261026
openai/gpt-6.1-terra-pro:batch 1050000 0.5,2.5,0.025,0.625 272000:1,3.75,0.05,1.25
openai/gpt-6.1-terra:batch 1050000 0.5,2.5,0.025,0.625 272000:1,3.75,0.05,1.25
openai/gpt-audio 128000 2.5,10,-,- -
openai/gpt-audio-mini 128000 0.6,2.4,-,- -
openai/gpt-chat-latest 400000 5,30,0.5,- - openai/gpt-chat-latest-20260505
openai/gpt-oss-120b - 0.1,0.5,-,- -
openai/gpt-oss-120b:batch 131072 0.0296,0.136,-,- -
openai/gpt-oss-120b:free - -,-,-,- -
openai/gpt-oss-20b 131072 0.03,0.14,0.009,- -
openai/gpt-oss-20b:batch 131072 0.024,0.112,-,- -
openai/gpt-oss-20b:free - -,-,-,- -
openai/gpt-oss-safeguard-20b 131072 0.075,0.3,0.0375,- -
openai/o1 - 15,60,7.5,- - o1-preview o1-preview-2024-09-12 openai/o1-2024-12-17
openai/o1-mini - 1.1,4.4,-,- - openai/o1-mini-2024-09-12
openai/o1-pro 200000 150,600,-,- -
openai/o3 200000 2,8,0.5,- - openai/o3-2025-04-16
openai/o3-deep-research - 10,40,2.5,- -
openai/o3-mini 200000 1.1,4.4,0.55,- - openai/o3-mini-high openai/o3-mini-2025-01-31
openai/o3-mini:batch 200000 0.55,2.2,0.275,- -
openai/o3-pro 200000 20,80,-,- - openai/o3-pro-2025-06-10
openai/o3:batch 200000 1,4,0.25,- -
openai/o4-mini 200000 1.1,4.4,0.275,- - openai/o4-mini-high openai/o4-mini-2025-04-16
openai/o4-mini-deep-research - 2,8,0.5,- -
openai/o4-mini:batch 200000 0.55,2.2,0.1375,- -
openchat/openchat-7b - 0.07,0.07,-,- -
openhands-lm-32b-v0.1 - 2.6,3.4,-,- -
particle-ai/particle-1 1048576 0.05,0.5,0.003,- - particle-ai/particle-1-20261027
perceptron/perceptron-mk1 32768 0.15,1.5,-,- - perceptron/perceptron-mk1-20260512
perceptron/perceptron-mk1.5 36864 0.15,1.5,-,- - perceptron/perceptron-mk1.5-20260925
perplexity/llama-3.1-sonar-large-128k-online - 1,1,-,- -
perplexity/llama-3.1-sonar-small-128k-online - 0.2,0.2,-,- -
perplexity/pplx-decider-v1-27b 262144 0.04,-,-,- -
perplexity/pplx-decider-v1.1-27b 262144 0.02,-,-,- -
perplexity/r1-1776 - 2,8,-,- -
perplexity/sonar 127072 1,1,-,- -
perplexity/sonar-deep-research 128000 -,-,-,- -
perplexity/sonar-pro 200000 3,15,-,- -
perplexity/sonar-pro-search 200000 3,15,-,- -
perplexity/sonar-reasoning - 1,5,-,- -
perplexity/sonar-reasoning-pro 128000 2,8,-,- -
phi-3-medium-128k-instruct - 1,1,-,- -
phi-3-mini-128k-instruct - 0.1,0.1,-,- -
phi-3.5-mini-128k-instruct - 0.1,0.1,-,- -
phi-4-multimodal-instruct - 0.05,0.1,-,- -
phi-4-reasoning-plus - 0.07,0.35,-,- -
phi-4-reasoning-plus:free - -,-,-,- -
phi-4-reasoning:free - -,-,-,- -
pixtral-12b - 0.1,0.1,-,- -
pixtral-large-2411 - 2,6,-,- -
poolside/laguna-m.1:free - -,-,-,- -
poolside/laguna-s-2.1 1048576 0.09,0.18,0.009,- - poolside/laguna-s-2.1-20260720
poolside/laguna-s-2.1:free 262144 -,-,-,- -
poolside/laguna-xs-2.1 262144 0.06,0.12,0.03,- - poolside/laguna-xs-2.1-20260625
poolside/laguna-xs-2.1:free 262144 -,-,-,- -
poolside/laguna-xs.2:free - -,-,-,- -
prime-intellect/intellect-3 - 0.2,1.1,-,- -
prism-ml/ternary-bonsai-2-27b 262144 0.075,0.5,0.0375,- - prism-ml/ternary-bonsai-2-27b-20260918
prism-ml/ternary-bonsai-2-9b 262144 0.08,0.13,0.04,- - prism-ml/ternary-bonsai-2-9b-20261015
pygmalionai/mythalion-13b - 0.5625,1.125,-,- -
qwen-2-72b-instruct - 0.9,0.9,-,- -
qwen-2.5-72b-instruct:free - -,-,-,- -
qwen-2.5-coder-32b-instruct:free - -,-,-,- -
qwen-2.5-vl-7b-instruct - 0.2,0.2,-,- -
qwen-max - 1.6,6.4,0.64,- -
qwen-turbo - 0.05,0.2,0.02,- -
qwen-vl-max - 0.8,3.2,-,- -
qwen-vl-plus - 0.21,0.63,-,- -
qwen/qwen-2-72b-instruct - 0.9,0.9,-,- -
qwen/qwen-2.5-72b-instruct - 0.36,0.4,-,- -
qwen/qwen-2.5-72b-instruct:free - -,-,-,- -
qwen/qwen-2.5-7b-instruct 32768 0.1,0.2,-,- -
qwen/qwen-2.5-7b-instruct:free - -,-,-,- -
qwen/qwen-2.5-coder-32b-instruct 32768 0.66,1,-,- -
qwen/qwen-2.5-coder-32b-instruct:free - -,-,-,- -
qwen/qwen-2.5-vl-72b-instruct - 0.6,0.6,-,- -
qwen/qwen-2.5-vl-7b-instruct - 0.2,0.2,-,- -
qwen/qwen-2.5-vl-7b-instruct:free - -,-,-,- -
qwen/qwen-max - 1.6,6.4,-,- -
qwen/qwen-plus 1000000 0.26,0.78,0.052,0.325 256000:0.78,2.34,0.156,0.975 qwen/qwen-plus-2025-01-25
qwen/qwen-plus-2025-07-28 1000000 0.26,0.78,-,- -
qwen/qwen-plus-2025-07-28:thinking - 0.26,0.78,-,0.325 -
qwen/qwen-turbo - 0.05,0.2,-,- -
qwen/qwen-vl-max - 0.8,3.2,-,- -
qwen/qwen-vl-plus - 0.21,0.63,-,- -
qwen/qwen2.5-coder-7b-instruct - 0.2,0.2,-,- -
qwen/qwen2.5-vl-32b-instruct - 0.9,0.9,-,- -
qwen/qwen2.5-vl-32b-instruct:free - -,-,-,- -
qwen/qwen2.5-vl-3b-instruct:free - -,-,-,- -
qwen/qwen2.5-vl-72b-instruct - 0.8,1,0.4,- -
qwen/qwen2.5-vl-72b-instruct:free - -,-,-,- -
qwen/qwen3-14b - 0.1,0.22,-,- - qwen/qwen3-14b-04-28
qwen/qwen3-235b-a22b 131072 0.13,0.6,-,- -
qwen/qwen3-235b-a22b-2507 - 0.09,0.55,-,- - qwen/qwen3-235b-a22b-07-25
qwen/qwen3-235b-a22b-thinking-2507 - 0.45,3.5,-,- -
qwen/qwen3-30b-a3b - 0.12,0.5,-,- - qwen/qwen3-30b-a3b-04-28
qwen/qwen3-30b-a3b-instruct-2507 - 0.09,0.3,-,- -
qwen/qwen3-30b-a3b-thinking-2507 81920 0.08,0.4,-,- -
qwen/qwen3-32b - 0.14,0.4,0.09,- - qwen/qwen3-32b-04-28
qwen/qwen3-8b 131072 0.035,0.138,-,- -
qwen/qwen3-coder - 0.3,1,0.1,- - qwen/qwen3-coder-480b-a35b-07-25
qwen/qwen3-coder-30b-a3b-instruct - 0.07,0.28,-,- -
qwen/qwen3-coder-flash 1000000 -,-,-,- -
qwen/qwen3-coder-next - 0.12,0.8,0.07,- - qwen/qwen3-coder-next-2025-02-03
qwen/qwen3-coder-plus 1000000 0.65,3.25,0.13,0.8125 -
qwen/qwen3-coder:free - -,-,-,- -
qwen/qwen3-max 262144 1.2,6,-,- -
qwen/qwen3-max-thinking 262144 0.78,3.9,-,- - qwen/qwen3-max-thinking-20260123
qwen/qwen3-next-80b-a3b-instruct - 0.09,1.1,-,- - qwen/qwen3-next-80b-a3b-instruct-2509
qwen/qwen3-next-80b-a3b-instruct:free - -,-,-,- -
qwen/qwen3-next-80b-a3b-thinking - 0.15,1.2,-,- - qwen/qwen3-next-80b-a3b-thinking-2509
qwen/qwen3-vl-235b-a22b-instruct - 0.21,1.9,0.1,- -
qwen/qwen3-vl-235b-a22b-thinking 131072 0.26,2.6,-,- -
qwen/qwen3-vl-30b-a3b-instruct - 0.2,0.7,-,- -
qwen/qwen3-vl-30b-a3b-thinking - 0.29,1,-,- -
qwen/qwen3-vl-32b-instruct 131072 0.104,0.416,-,- -
qwen/qwen3-vl-8b-instruct - 0.25,0.75,0.12,- -
qwen/qwen3-vl-8b-thinking 131072 0.117,1.365,-,- -
qwen/qwen3.5-122b-a10b 262144 0.26,2.08,-,- - qwen/qwen3.5-122b-a10b-20260224
qwen/qwen3.5-27b 262144 0.195,1.56,-,- - qwen/qwen3.5-27b-20260224
qwen/qwen3.5-35b-a3b - 0.1625,1.3,0.05,- - qwen/qwen3.5-35b-a3b-20260224
qwen/qwen3.5-397b-a17b - 0.39,2.34,0.3,- - qwen/qwen3.5-397b-a17b-20260216
qwen/qwen3.5-9b - 0.1,0.15,-,- - qwen/qwen3.5-9b-20260310
qwen/qwen3.5-flash-02-23 1000000 0.065,0.26,-,- - qwen/qwen3.5-flash-20260224
qwen/qwen3.5-plus-02-15 1000000 0.26,1.56,-,- 256000:0.325,1.95,-,- qwen/qwen3.5-plus-20260216
qwen/qwen3.5-plus-20260420 1000000 0.3,1.8,-,0.375 256000:0.375,2.25,-,0.46875
qwen/qwen3.6-27b - 0.45,2.7,0.025,- - qwen/qwen3.6-27b-20260422
qwen/qwen3.6-35b-a3b - 0.1,0.95,-,- - qwen/qwen3.6-35b-a3b-20260415
qwen/qwen3.6-flash 1000000 0.1875,1.125,-,0.234375 256000:0.75,3,-,0.9375
qwen/qwen3.6-max-preview 262144 1.04,6.24,-,1.3 - qwen/qwen3.6-max-preview-20260420
qwen/qwen3.6-plus 1000000 0.325,1.95,-,0.40625 256000:1.3,3.9,-,1.625 qwen/qwen3.6-plus-04-02
qwen/qwen3.7-flash 1000000 -,-,-,- - qwen/qwen3.7-flash-20260727
qwen/qwen3.7-max 1000000 1.475,4.425,0.295,1.84375 - qwen/qwen3.7-max-20260520
qwen/qwen3.7-plus 1000000 0.32,1.28,0.064,0.4 256000:0.96,3.84,0.192,1.2 qwen/qwen3.7-plus-20260602
qwen/qwen3.7-plus:batch 262144 0.23,0.92,-,- -
qwen/qwen3.8-2.4t-a95b 1048576 2,6,0.25,2.5 - qwen/qwen3.8-2.4t-a95b-20260812
qwen/qwen3.8-27b 1000000 0.425,2.55,0.085,0.53125 - qwen/qwen3.8-27b-20260814
qwen/qwen3.8-27b:batch 262144 0.16,2,0.04,0.2 -
qwen/qwen3.8-flash 1000000 0.15,0.47,0.016,- - qwen/qwen3.8-flash-20260826
qwen/qwen3.8-max-0902 1000000 2,6,0.25,- - qwen/qwen3.8-max-20260902
qwen/qwen3.8-max-prime 1000000 4,12,0.5,- - qwen/qwen3.8-max-prime-20260923
qwen/qwen3.8-omni-flash 1000000 0.15,0.47,0.016,- - qwen/qwen3.8-omni-flash-20260918
qwen/qwq-32b - 0.15,0.2,-,- -
qwen/qwq-32b-preview - 0.2,0.2,-,- -
qwen/qwq-32b-preview:free - -,-,-,- -
qwen/qwq-32b:free - -,-,-,- -
qwen2.5-vl-32b-instruct - 0.9,0.9,-,- -
qwen2.5-vl-32b-instruct:free - -,-,-,- -
qwen2.5-vl-72b-instruct:free - -,-,-,- -
qwen3-14b:free - -,-,-,- -
qwen3-235b-a22b:free - -,-,-,- -
qwen3-30b-a3b:free - -,-,-,- -
qwen3-32b:free - -,-,-,- -
qwen3-8b:free - -,-,-,- -
qwerky-72b:free - -,-,-,- -
qwq-32b - 0.15,0.2,-,- -
qwq-32b-arliai-rpr-v1:free - -,-,-,- -
qwq-32b-preview - 0.2,0.2,-,- -
qwq-32b:free - -,-,-,- -
r1-1776 - 2,8,-,- -
raifle/sorcererlm-8x22b - 4.5,4.5,-,- -
recursive/flint-v1.0:free 262144 -,-,-,- -
reflection/beam-1.0-501b-a23b 1048576 0.4,1.2,0.04,- - reflection/beam-1.0-501b-a23b-20261016
reka-flash-3:free - -,-,-,- -
rekaai/reka-edge 16384 0.1,0.1,-,- - rekaai/reka-edge-2603
rekaai/reka-flash-3 65536 0.1,0.2,-,- -
rekaai/reka-flash-3:free - -,-,-,- -
relace/relace-apply-3 256000 0.85,1.25,-,- -
relace/relace-search 256000 1,3,-,- - relace/relace-search-20251208
ricursiveai/ripple-65b-preview 1048576 0.2,0.6,0.05,- - ricursiveai/ripple-65b-preview-20261104
sakana/fugu-max 1000000 2,6,0.25,- - sakana/fugu-max-20260911
sakana/fugu-ultra 1000000 5,30,0.5,- 272000:10,45,1,- sakana/fugu-ultra-20260615 sakana/fugu-ultra-v2 sakana/fugu-ultra-v2-20260911
sakana/sakana-namazu 262144 0.95,4,0.15,- - sakana/namazu-20260811
sao10k/fimbulvetr-11b-v2 - 0.8,1.2,-,- -
sao10k/l3-euryale-70b - 1.48,1.48,-,- -
sao10k/l3-lunaris-8b 8192 0.04,0.05,-,- -
sao10k/l3.1-70b-hanami-x1 - 3,3,-,- -
sao10k/l3.1-euryale-70b - 0.85,0.85,-,- -
sao10k/l3.3-euryale-70b 131072 0.65,0.75,-,- - sao10k/l3.3-euryale-70b-v2.3
sarvam-m:free - -,-,-,- -
scaledown/extract 1000000 0.04,-,-,- - scaledown/extract-20260928
scaledown/summarize 1000000 0.04,-,-,- - scaledown/summarize-20260928
scb10x/llama3.1-typhoon2-70b-instruct - 0.88,0.88,-,- -
scb10x/llama3.1-typhoon2-8b-instruct - 0.18,0.18,-,- -
shisa-ai/shisa-v2-llama3.3-70b:free - -,-,-,- -
shisa-v2-llama3.3-70b:free - -,-,-,- -
sonar-reasoning - 1,5,-,- -
sophosympatheia/midnight-rose-70b - 0.8,0.8,-,- -
sophosympatheia/rogue-rose-103b-v0.2:free - -,-,-,- -
sorcererlm-8x22b - 4.5,4.5,-,- -
spotlight - 0.18,0.18,-,- -
stealth/crouton-alpha 1048576 -,-,-,- -
steelskull/l3.3-electra-r1-70b - 0.7,0.95,-,- -
stepfun/step-3.5-flash 262144 0.1,0.3,0.02,- -
stepfun/step-3.7-flash - 0.2,1.15,0.04,- - stepfun/step-3.7-flash-20260528
stepfun/step-5-preview 1048576 1,2.7,0.1,- - stepfun/step-5-preview-20261008
switchpoint/router - 0.85,3.4,-,- -
tencent/hunyuan-a13b-instruct 131072 0.14,0.57,-,- -
tencent/hy-mt2-1.8b 8192 0.044,0.177,-,- - tencent/hy-mt2-1.8b-20260521
tencent/hy-mt2-30b-a3b 8192 0.074,0.295,-,- - tencent/hy-mt2-30b-a3b-20260521
tencent/hy-mt2-7b 8192 0.074,0.295,-,- - tencent/hy-mt2-7b-20260521
tencent/hy3-preview 262144 0.18,0.6,0.06,- - tencent/hy3-preview-20260421
tencent/hy4 1048576 0.417,1.2505,0.021,- - tencent/hy4-20261104
thedrummer/anubis-pro-105b-v1 - 0.8,1,-,- -
thedrummer/cydonia-24b-v4.1 131072 0.3,0.5,0.15,- -
thedrummer/rocinante-12b - 0.25,0.5,-,- -
thedrummer/skyfall-36b-v2 32768 0.55,0.8,0.25,- -
thedrummer/unslopnemo-12b - 0.4,0.4,-,- -
thinkingmachines/inkling 524288 1,4.05,0.17,- - thinkingmachines/inkling-20260715
thinkingmachines/inkling-small 524288 0.45,1.2,0.1,- - thinkingmachines/inkling-small-20260730
thinkingmachines/inkling-small:batch 524288 0.36,0.96,0.08,- -
thinkingmachines/inkling-small:free 1048576 -,-,-,- -
thinkingmachines/inkling:free 1048576 -,-,-,- -
thudm/glm-4-32b:free - -,-,-,- -
thudm/glm-z1-32b:free - -,-,-,- -
toppy-m-7b - 0.8,1.2,-,- -
typesafe/jev-1.13 32000 0.042,-,-,- - ~^typesafe/jev-1\.13-\d{8}$
typesafe/jev-1.14 32000 0.042,-,-,- - ~typesafe/jev-latest ~^typesafe/jev-1\.14-\d{8}$
unbiased/pareto-26.10 1048576 0.8,3.2,0.03,- - unbiased/pareto-26.10-20261015
unbiased/pareto-26.9 262144 2.5,7.5,0.25,- - unbiased/pareto-26.9-20260917
undi95/remm-slerp-l2-13b 6144 0.35,0.65,-,- -
undi95/toppy-m-7b - 0.07,0.07,-,- -
upstage/solar-mini4 524288 0.05,0.2,0.005,- - upstage/solar-mini4-20260922
upstage/solar-pro-3 131072 0.15,0.6,0.015,- -
upstage/solar-pro4 524288 0.15,0.6,0.03,- - upstage/solar-pro4-20260810
valkyrie-49b-v1 - 0.5,0.8,-,- -
virtuoso-medium-v2 - 0.5,0.8,-,- -
writer/palmyra-x5 1040000 0.6,6,-,- - writer/palmyra-x5-20250428
x-ai/grok-2-1212 - 2,10,-,- -
x-ai/grok-2-vision-1212 - 2,10,-,- -
x-ai/grok-3-beta - 3,15,-,- -
x-ai/grok-3-mini-beta - 0.3,0.5,-,- -
x-ai/grok-4-fast 2000000 0.2,0.5,0.05,- 128000:0.4,1,0.05,-
x-ai/grok-4.1-fast:free 2000000 -,-,-,- -
x-ai/grok-4.20 2000000 1.25,2.5,0.2,- 200000:2.5,5,0.4,- x-ai/grok-4.20-20260309
x-ai/grok-4.20-multi-agent 2000000 1.25,2.5,0.2,- 200000:2.5,5,0.4,- x-ai/grok-4.20-multi-agent-20260309
x-ai/grok-4.3 1000000 1.25,2.5,0.2,- 200000:2.5,5,0.4,- x-ai/grok-4.3-20260430 ~^x-ai/grok-4\.3-\d{8}$
x-ai/grok-4.3:batch 1000000 1,2,0.16,- 200000:2,4,0.32,-
x-ai/grok-4.5 500000 2,6,0.3,- 200000:4,12,0.6,- x-ai/grok-4.5-20260708
x-ai/grok-4.6 500000 2,6,0.5,- 200000:4,12,1,- x-ai/grok-4.6-20260810
x-ai/grok-4.6:batch 500000 1.6,4.8,0.4,- 200000:3.2,9.6,0.8,-
x-ai/grok-4.7 500000 2,6,0.5,- 200000:4,12,1,- x-ai/grok-4.7-20260916
x-ai/grok-4.7:batch 500000 1.6,4.8,0.4,- 200000:3.2,9.6,0.8,-
x-ai/grok-beta - 5,15,-,- -
x-ai/grok-build-0.1 256000 1,2,0.2,- 200000:2,4,0.4,- x-ai/grok-build-0.1-20260520
x-ai/grok-code-fast-1 256000 0.2,1.5,0.02,- -
x-ai/grok-vision-beta - 5,15,-,- -
xiaomi/mimo-v2-flash - 0.1,0.3,0.01,- -
xiaomi/mimo-v2.5 - 0.4,2,0.08,- - xiaomi/mimo-v2.5-20260422
xiaomi/mimo-v2.5-pro - 0.435,0.87,0.0036,- - xiaomi/mimo-v2.5-pro-20260422
xiaomi/mimo-v2.6-flash 1050000 0.14,0.28,0.0028,- - xiaomi/mimo-v2.6-flash-20260921
xiaomi/mimo-v2.6-pro 1050000 0.435,0.87,0.0036,- - xiaomi/mimo-v2.6-pro-20260921
xiaomi/mimo-v2.6-pro-ultraspeed 1048576 4.35,8.7,0.036,- - xiaomi/mimo-v2.6-pro-ultraspeed-20260921
xingchen-agi/xing4.0-29b-a4b:free 262144 -,-,-,- -
xwin-lm/xwin-lm-70b - 3.75,3.75,-,- -
yi-large - 3,3,-,- -
z-ai/glm-4.5 131072 0.6,2.2,0.11,- -
z-ai/glm-4.5-air 131072 0.2,1.1,0.03,- -
z-ai/glm-4.5v 65536 0.6,1.8,0.11,- -
z-ai/glm-4.6 - 0.6,2.2,0.11,- -
z-ai/glm-4.6v 131072 0.3,0.9,0.05,- - z-ai/glm-4.6-20251208
z-ai/glm-4.7 - 0.6,2.2,0.11,- - z-ai/glm-4.7-20251222
z-ai/glm-4.7-flash - 0.0605,0.4,0.01,- - z-ai/glm-4.7-flash-20260119
z-ai/glm-5 - 1,3.2,0.2,- - z-ai/glm-5-20260211
z-ai/glm-5-turbo 202752 1.2,4,0.24,- - z-ai/glm-5-turbo-20260315
z-ai/glm-5.1 - 1.4,4.4,0.26,- - z-ai/glm-5.1-20260406
z-ai/glm-5.2 1048576 1.4,4.4,0.26,- - z-ai/glm-5.2-20260616
z-ai/glm-5.2:batch 1048576 0.623,1.271,0.21,- -
z-ai/glm-5.3 1048576 1.4,4.4,0.26,- - z-ai/glm-5.3-20260816
z-ai/glm-5.3-flash 1310720 0.15,0.5,0.03,- - z-ai/glm-5.3-flash-20260826
z-ai/glm-5.3-flash:batch 1048576 0.061,0.124,0.026,- -
z-ai/glm-5.3-flashx 1048576 0.37,1.25,0.075,- - z-ai/glm-5.3-flashx-20260918
z-ai/glm-5.3-flashx-legal 1048576 0.37,1.25,0.075,- - z-ai/glm-5.3-flashx-legal-20261102
z-ai/glm-5.3-prime 1000000 2.8,8.8,0.56,- - z-ai/glm-5.3-prime-20260921
z-ai/glm-5.3:batch 1048576 0.45,2,0.1,- -
z-ai/glm-5v-turbo 202752 1.2,4,0.24,- - z-ai/glm-5v-turbo-20260401
~anthropic/claude-fable-latest 1000000 10,50,0.25,12.5 -
~anthropic/claude-haiku-latest 1000000 0.1,0.5,0.01,0.125 100000:0.5,2.5,0.05,0.625
~anthropic/claude-opus-latest 1000000 4,20,0.2,5 -
~anthropic/claude-sonnet-latest 1000000 2,10,0.1,2.5 -
~deepseek/deepseek-flash-latest 1048576 0.05,0.15,0.012,- -
~deepseek/deepseek-pro-latest 1048576 0.225,8,0.23,- -
~deepseek/deepseek-v4-flash-latest 1048576 0.00688,0.12,0.00336,- -
~google/gemini-flash-latest 1048576 0.75,3.75,0.075,0.0416666666666667 -
~google/gemini-pro-latest 1048576 2,10,0.1,0.1875 -
~moonshotai/kimi-latest 1048576 0.239,11.936,0.21,- -
~openai/gpt-astra-latest 1050000 10,50,1,12.5 272000:20,75,2,25
~openai/gpt-latest 1050000 5,30,0.5,- -
~openai/gpt-luna-latest 1050000 0.1,0.5,0.01,0.125 272000:0.2,0.75,0.02,0.25
~openai/gpt-mini-latest 400000 0.75,4.5,0.075,- -
~openai/gpt-sol-latest 1050000 2,10,0.1,2.5 272000:4,15,0.2,5
~openai/gpt-terra-latest 1050000 2,12,0.2,2.5 272000:4,18,0.4,5
~unbiased/pareto-latest 1048576 0.8,3.2,0.03,- -
~x-ai/grok-latest 500000 2,6,0.5,- 200000:4,12,1,-
~z-ai/glm-flash-latest 1048576 0.048,0.2,0.006,- -
~z-ai/glm-latest 1048576 0.042,6,0.026,- -
""",
    "perplexity": r"""
llama-3.1-sonar-large-128k-online - 1,1,-,- -
llama-3.1-sonar-small-128k-online - 0.2,0.2,-,- -
perplexity/deepseek-v4-pro-0813 - 1.32,3.96,0.044,- -
perplexity/glm-5.3 - 1.4,4.4,0.26,- -
perplexity/glm-5.3-flash - 0.15,0.5,0.03,- -
perplexity/kimi-k3 - 3,15,0.3,- -
perplexity/nemotron-3.5-super-120b-a12b - 0.2,0.5,0.04,- -
perplexity/sonar - 0.25,2.5,0.0625,- -
pplx-decider-flash-v1.2 - 0.01,-,-,- - pplx-decider-flash-latest perplexity/pplx-decider-flash-latest
pplx-decider-v1-27b 262144 0.02,-,-,- -
pplx-decider-v1.1-27b 262144 0.02,-,-,- -
pplx-decider-v1.2 - 0.02,-,-,- - pplx-decider-latest perplexity/pplx-decider-latest
pplx-embed-context-v1-0.6b - 0.008,-,-,- -
pplx-embed-context-v1-4b - 0.05,-,-,- -
pplx-embed-v1-0.6b - 0.004,-,-,- -
pplx-embed-v1-4b - 0.03,-,-,- -
r1-1776 - 2,8,-,- -
sonar 128000 -,-,-,- -
sonar-deep-research 128000 -,-,-,- -
sonar-pro 200000 -,-,-,- -
sonar-pro-search - 3,15,-,- -
sonar-reasoning - -,-,-,- -
sonar-reasoning-pro 128000 -,-,-,- -
""",
    "together": r"""
austism/chronos-hermes-13b - 0.3,0.3,-,- -
gryphe/mythomax-l2-13b - 0.3,0.3,-,- -
minimaxai/minimax-m3 524288 0.3,1.2,0.06,- -
minimaxai/minimax-m3.1-flash 1048576 0.15,0.6,0.015,- -
nexusflow/nexusraven-v2-13b - 0.3,0.3,-,- -
nousresearch/nous-capybara-7b-v1p9 - 0.2,0.2,-,- -
nousresearch/nous-hermes-2-mixtral-8x7b-dpo - 0.9,0.9,-,- -
nousresearch/nous-hermes-2-mixtral-8x7b-sft - 0.9,0.9,-,- -
nousresearch/nous-hermes-2-yi-34b - 0.8,0.8,-,- -
nousresearch/nous-hermes-llama2-13b - 0.225,0.225,-,- -
nousresearch/nous-hermes-llama-2-7b - 0.2,0.2,-,- -
open-orca/mistral-7b-openorca - 0.2,0.2,-,- -
qwen/qwen1.5-0.5b - 0.1,0.1,-,- - qwen/qwen1.5-0.5b-chat
qwen/qwen1.5-1.8b - 0.1,0.1,-,- - qwen/qwen1.5-1.8b-chat
qwen/qwen1.5-14b - 0.3,0.3,-,- - qwen/qwen1.5-14b-chat
qwen/qwen1.5-4b - 0.1,0.1,-,- - qwen/qwen1.5-4b-chat
qwen/qwen1.5-72b - 0.9,0.9,-,- -
qwen/qwen1.5-7b - 0.2,0.2,-,- - qwen/qwen1.5-7b-chat
qwen/qwen3.5-9b 262144 0.17,0.25,-,- -
qwen/qwen3.6-plus 1000000 0.5,3,-,- -
qwen/qwen3.7-max - 2.5,7.5,0.5,- -
qwen/qwen3.7-plus 1000000 0.32,1.28,-,- -
qwen/qwen3.8-2.4t-a95b - 2,6,0.5,- -
qwen/qwen3.8-flash 1000000 0.15,0.47,-,- -
undi95/remm-slerp-l2-13b - 0.3,0.3,-,- -
undi95/toppy-m-7b - 0.2,0.2,-,- -
wizardlm/wizardlm-13b-v1.2 - 0.3,0.3,-,- -
allenai/olmo-7b - 0.2,0.2,-,- - allenai/olmo-7b-instruct allenai/olmo-7b-twin-2t
codellama/codellama-13b-instruct-hf - 0.225,0.225,-,- -
codellama/codellama-34b-instruct-hf - 0.776,0.776,-,- -
codellama/codellama-70b-instruct-hf - 0.9,0.9,-,- -
codellama/codellama-7b-instruct-hf - 0.2,0.2,-,- -
deepseek-ai/deepseek-v4-pro-0813 1048576 1.32,3.96,0.13,- -
deepseek-ai/deepseek-v4.1-flash 1000000 0.3,1.2,0.006,- - deepseek-ai/deepseek-v4.1-flash-1017
deepseek-ai/deepseek-coder-33b-instruct - 0.8,0.8,-,- -
garage-baind/platypus2-70b-instruct - 0.9,0.9,-,- -
google/gemma-2b - 0.1,0.1,-,- - google/gemma-2b-it
google/gemma-7b - 0.2,0.2,-,- - google/gemma-7b-it
lmsys/vicuna-13b-v1.5 - 0.3,0.3,-,- -
lmsys/vicuna-7b-v1.5 - 0.2,0.2,-,- -
meta-llama/llama-2-13b-chat-hf - 0.225,0.225,-,- -
meta-llama/llama-2-70b-chat-hf - 0.9,0.9,-,- -
meta-llama/llama-2-7b-chat-hf - 0.2,0.2,-,- -
meta-llama/llama-3-70b-chat-hf - 0.9,0.9,-,- -
meta-llama/llama-3-8b-chat-hf - 0.2,0.2,-,- -
meta-llama/llama-3.3-70b-instruct-turbo - 0.88,0.88,-,- -
meta-llama/llama-4-maverick-17b-128e-instruct-fp8 - 0.27,0.85,-,- -
meta-llama/llama-4-scout-17b-16e-instruct - 0.18,0.59,-,- -
meta-llama/meta-llama-3-70b-instruct-lite - 0.54,0.54,-,- -
meta-llama/meta-llama-3-70b-instruct-turbo - 0.88,0.88,-,- -
meta-llama/meta-llama-3-8b-instruct-lite - 0.1,0.1,-,- -
meta-llama/meta-llama-3-8b-instruct-turbo - 0.18,0.18,-,- -
meta-llama/meta-llama-3.1-405b-instruct-turbo - 3.5,3.5,-,- -
meta-llama/meta-llama-3.1-70b-instruct-turbo - 0.88,0.88,-,- -
meta-llama/meta-llama-3.1-8b-instruct-turbo - 0.18,0.18,-,- -
meta-llama/meta-llama-3.3-70b-instruct-turbo - 0.88,0.88,-,- -
meta-models/muse-glimmer-30b 131072 0.35,1.5,0.04,- -
meta-models/muse-spark-open-816b-a42b 1048576 1.25,4.25,0.15,- -
microsoft/wizardlm-2-8x22b - 1.2,1.2,-,- -
microsoft/phi-2 - 0.1,0.1,-,- -
mistralai/mistral-7b-instruct-v0.1 - 0.2,0.2,-,- -
mistralai/mistral-7b-instruct-v0.2 - 0.2,0.2,-,- -
mistralai/mistral-7b-v0.1 - 0.2,0.2,-,- -
mistralai/mixtral-8x22b-instruct-v0.1 - 2.4,2.4,-,- -
mistralai/mixtral-8x7b-instruct-v0.1 - 0.9,0.9,-,- -
mistralai/mixtral-8x7b-v0.1 - 0.9,0.9,-,- -
moonshotai/kimi-k3 1048576 3,15,0.3,- -
moonshotai/kimi-k3.1-pro 1048576 2,10,0.2,- -
nvidia/nvidia-nemotron-3.5-super-vl 262144 0.15,0.5,0.02,- -
openai/gpt-oss-120b 131072 0.15,0.6,-,- -
openchat/openchat-3.5-1210 - 0.2,0.2,-,- -
reflection/beam-1.0-501b-a23b 1048576 0.4,1.2,0.04,- -
ricursive-ai/ripple-65b-preview 131072 0.2,0.6,-,- -
snorkelai/snorkel-mistral-pairrm-dpo - 0.2,0.2,-,- -
teknium/openhermes-2-mistral-7b - 0.2,0.2,-,- -
teknium/openhermes-2p5-mistral-7b - 0.2,0.2,-,- -
thinkingmachines/inkling 524288 1,4.05,0.17,- -
together/tev1-4b-experimental 32768 0.042,-,-,- -
togethercomputer/gpt-jt-moderation-6b - 0.2,0.2,-,- -
togethercomputer/llama-2-7b-32k-instruct - 0.2,0.2,-,- -
togethercomputer/redpajama-incite-7b-base - 0.2,0.2,-,- -
togethercomputer/redpajama-incite-7b-chat - 0.2,0.2,-,- -
togethercomputer/redpajama-incite-7b-instruct - 0.2,0.2,-,- -
togethercomputer/redpajama-incite-base-3b-v1 - 0.1,0.1,-,- -
togethercomputer/redpajama-incite-chat-3b-v1 - 0.1,0.1,-,- -
togethercomputer/redpajama-incite-instruct-3b-v1 - 0.1,0.1,-,- -
togethercomputer/stripedhyena-hessian-7b - 0.2,0.2,-,- -
togethercomputer/stripedhyena-nous-7b - 0.2,0.2,-,- -
togethercomputer/alpaca-7b - 0.2,0.2,-,- -
upstage/solar-10.7b-instruct-v1.0 - 0.3,0.3,-,- -
zai-org/glm-5.2 1048575 1.4,4.4,0.26,- -
zai-org/glm-5.3 1048575 1.4,4.4,0.26,- -
zai-org/glm-5.3-flash 1048575 0.15,0.5,0.03,- -
zero-one-ai/yi-34b - 0.8,0.8,-,- -
zero-one-ai/yi-6b - 0.2,0.2,-,- -
""",
    "voyageai": r"""
voyage-01 - 0.1,-,-,- -
voyage-02 - 0.1,-,-,- -
voyage-2 - 0.1,-,-,- -
voyage-3 - 0.06,-,-,- -
voyage-3-large - 0.18,-,-,- -
voyage-3-lite - 0.02,-,-,- -
voyage-3.5 - 0.06,-,-,- -
voyage-3.5-lite - 0.02,-,-,- -
voyage-4 - 0.06,-,-,- -
voyage-4-large - 0.12,-,-,- -
voyage-4-lite - 0.02,-,-,- -
voyage-code-2 - 0.12,-,-,- -
voyage-code-3 - 0.18,-,-,- -
voyage-code-4 - 0.12,-,-,- -
voyage-context-3 - 0.18,-,-,- -
voyage-context-4 - 0.12,-,-,- -
voyage-finance-2 - 0.12,-,-,- -
voyage-large-2 - 0.12,-,-,- -
voyage-large-2-instruct - 0.12,-,-,- -
voyage-law-2 - 0.12,-,-,- -
voyage-lite-01 - 0.1,-,-,- -
voyage-lite-01-instruct - 0.1,-,-,- -
voyage-lite-02-instruct - 0.1,-,-,- -
voyage-multilingual-2 - 0.12,-,-,- -
""",
    "x-ai": r"""
grok-2-1212 32768 2,10,-,- - grok-2 grok-2-latest
grok-2-vision-1212 32768 2,10,-,- - grok-2-vision grok-2-vision-latest
grok-3 131072 3,15,0.75,- - grok-3-latest grok-3-beta
grok-3-fast 131072 5,25,1.25,- - grok-3-fast-latest grok-3-fast-beta
grok-3-mini 131072 0.3,0.5,0.075,- - grok-3-mini-beta grok-3-mini-latest
grok-3-mini-fast 131072 0.6,4,0.15,- - grok-3-mini-fast-beta grok-3-mini-fast-latest
grok-4-0709 256000 3,15,0.75,- - grok-4 grok-4-latest
grok-4-1-fast-non-reasoning 2000000 0.2,0.5,0.05,- - grok-4-1-fast-non-reasoning-latest
grok-4-1-fast 2000000 0.2,0.5,0.05,- - grok-4-1-fast-reasoning grok-4-1-fast-reasoning-latest
grok-4-fast-non-reasoning 2000000 0.2,0.5,0.05,- - grok-4-fast-non-reasoning-latest
grok-4-fast 2000000 0.2,0.5,0.05,- - grok-4-fast-reasoning grok-4-fast-reasoning-latest
grok-4.20 1000000 1.25,2.5,0.2,- 199999:2.5,5,0.4,- grok-4.20-0309-reasoning grok-4.20-0309-non-reasoning
grok-4.20-multi-agent-0309 1000000 1.25,2.5,0.2,- 199999:2.5,5,0.4,- grok-4.20-multi-agent grok-4.20-multi-agent-beta-0309 grok-4.20-multi-agent-latest grok-4.20-multi-agent-beta-latest
grok-4.3 1000000 1.25,2.5,0.2,- 199999:2.5,5,0.4,- x-ai/grok-4.3 grok-4.3-latest ~^grok-4\.3-\d{8}$ ~^x-ai/grok-4\.3-\d{8}$
grok-4.5 500000 2,6,0.3,- 199999:4,12,0.6,- x-ai/grok-4.5 grok-4.5-latest grok-latest ~^grok-4\.5-\d{8}$ ~^x-ai/grok-4\.5-\d{8}$
grok-4.6 500000 2,6,0.5,- 199999:4,12,1,- x-ai/grok-4.6 grok-4.6-latest ~^grok-4\.6-\d{8}$ ~^x-ai/grok-4\.6-\d{8}$
grok-4.7 500000 2,6,0.5,- 199999:4,12,1,- x-ai/grok-4.7 grok-4.7-latest ~^grok-4\.7-\d{8}$ ~^x-ai/grok-4\.7-\d{8}$
grok-build-0.1 256000 1,2,0.2,- 199999:2,4,0.4,-
grok-code-fast 256000 0.2,1.5,0.02,- - grok-code-fast-1 grok-code-fast-1-0825
grok-voice-latest - -,-,-,- - grok-voice-3.0
grok-voice-think-fast-1.0 - -,-,-,- -
grok-voice-think-fast-2.0 - -,-,-,- -
""",
    "zhipuai": r"""
glm-4-air 128000 0.069,0.069,0.034,- -
glm-4-airx 8000 1.379,1.379,-,- -
glm-4-assistant 128000 0.69,0.69,-,- -
glm-4-flashx-250414 128000 0.014,0.014,0.007,- -
glm-4-long 1000000 0.138,0.138,0.069,- -
glm-4-plus 128000 0.69,0.69,0.345,- -
glm-4.5-air 128000 0.11,0.276,0.022,- -
glm-4.7 200000 0.276,1.103,0.055,- -
glm-4.7-flashx 200000 0.069,0.414,0.014,- -
glm-5 200000 0.552,2.483,0.138,- -
glm-5-turbo 200000 0.69,3.034,0.166,- -
glm-5.1 200000 0.828,3.31,0.179,- - glm-5.1-20260406
glm-5.2 1000000 1.103,3.862,0.276,- -
glm-5.3 1000000 1.103,3.862,0.276,- -
glm-5.3-flash 1000000 0.11,0.386,0.032,- -
""",
}
