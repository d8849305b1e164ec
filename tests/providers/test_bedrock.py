"""``type: bedrock``: where requests go, what signs them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from lokid.chat import ChatRequest, EmbedRequest, Image, Message, RerankRequest, Text, Tool
from lokid.errors import InvalidParams, Unsupported
from lokid.protocols.http import HTTPRequest
from lokid.providers import catalogue
from lokid.providers.base import Credentials
from lokid.providers.bedrock import BedrockSettings, authorize, base_url, chat, embed, list_models, rerank
from lokid.providers.patches import patched
from lokid.providers.settings import ModelSettings

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
HOST = "https://bedrock-runtime.eu-west-1.amazonaws.com"
ASKED = ChatRequest("b:m", (Message("user", (Text("hi"),)),))
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret-key"}
NOW = 1735787045.0


def client(**more: Any) -> BedrockSettings:
    return BedrockSettings(**{"type": "bedrock", "name": "b", "region": "eu-west-1", **more})


def model(name: str, **more: Any) -> ModelSettings:
    return catalogue.complete("bedrock", ModelSettings(name=name, **more))


def authorized(request: HTTPRequest, **secrets: str) -> dict[str, str]:
    credentials = Credentials({key: SecretStr(value) for key, value in secrets.items()}, NOW)
    return dict(authorize(client(), credentials, request).headers)


def asking(name: str = CLAUDE, **more: Any) -> HTTPRequest:
    return chat(client(), model(name), replace(ASKED, **more)).request


def refused(settings: ModelSettings, **asked: Any) -> str:
    """What is said of the parameters."""
    with pytest.raises(InvalidParams) as error:
        if settings.type == "embedding":
            embed(client(), settings, EmbedRequest("b:mine", ("a", "b")))
        else:
            chat(client(), settings, replace(ASKED, **asked))
    return error.value.message


# --- where requests go


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1%3A0"),
        (CLAUDE, CLAUDE.replace(":", "%3A")),
        (ARN, ARN.replace(":", "%3A").replace("/", "%2F")),
        ("a b?c#d", "a%20b%3Fc%23d"),
    ],
)
def test_a_model_is_one_segment_of_the_path(name: str, segment: str) -> None:
    """Loki leaves the slashes of ARNs as they are."""
    assert asking(name).url == f"{HOST}/model/{segment}/converse"
    assert asking(name, stream=True).url == f"{HOST}/model/{segment}/converse-stream"


def test_api_base_replaces_scheme_and_host_of_all_services() -> None:
    moved = client(api_base="https://gateway.example/x")
    ranks = rerank(moved, model("amazon.rerank-v1:0"), RerankRequest("b:m", "q", ("a",)))
    assert chat(moved, model("m"), ASKED).request.url == "https://gateway.example/x/model/m/converse"
    assert ranks.request.url == "https://gateway.example/x/rerank"
    assert base_url(client()) == HOST


def test_answers_are_streams_of_events_only_if_asked_for() -> None:
    stream = chat(client(), model(CLAUDE), replace(ASKED, stream=True))
    assert (stream.streaming, stream.accept) == (True, ("application/vnd.amazon.eventstream",))
    whole = chat(client(), model(CLAUDE, no_stream=True), replace(ASKED, stream=True))
    assert (whole.streaming, whole.accept) == (False, ("application/json",))


def test_what_is_wrong_with_the_parameters_is_said_without_the_name_that_only_the_account_knows() -> None:
    """It goes over the extra socket as it is, and an ARN holds the number of the account."""
    titan = ModelSettings(name="mine", type="embedding", real_name=f"{ARN}amazon.titan-embed-text-v2")
    claude = model("mine", real_name=ARN)
    for said in (refused(titan), refused(claude, max_tokens=5, reasoning=5000)):
        assert "mine" in said
        assert "123456789012" not in said


def test_embeddings_are_invoked_and_have_a_family() -> None:
    request = EmbedRequest("b:m", ("a",))
    titan = embed(client(), model("amazon.titan-embed-text-v2:0"), request).request
    assert titan.url == f"{HOST}/model/amazon.titan-embed-text-v2%3A0/invoke"
    assert titan.body == {"inputText": "a"}
    profile = ModelSettings(name="my-cohere.embed-v4", real_name="arn:aws:bedrock:x:1:profile/y")
    assert "embedding_types" in embed(client(), profile, request).request.body


def test_amazons_rerank_has_an_api_of_its_own_and_coheres_is_invoked() -> None:
    request = RerankRequest("b:m", "q", ("a", "b"))

    def arn(region: str, name: str) -> str:
        wire = rerank(client(region=region), model(name), request).request
        assert wire.url == f"https://bedrock-agent-runtime.{region}.amazonaws.com/rerank"
        config = wire.body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
        return str(config["modelConfiguration"]["modelArn"])

    amazon = "arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0"
    assert arn("us-west-2", "amazon.rerank-v1:0") == arn("us-west-2", amazon) == amazon
    assert arn("us-gov-west-1", "amazon.rerank-v1:0").startswith("arn:aws-us-gov:bedrock:us-gov-west-1::")
    cohere = rerank(client(), model("cohere.rerank-v3-5:0"), request).request
    assert cohere.url == f"{HOST}/model/cohere.rerank-v3-5%3A0/invoke"


def test_models_are_listed_by_the_control_plane() -> None:
    exchange = list_models(client())
    url = "https://bedrock.eu-west-1.amazonaws.com/foundation-models?byInferenceType=ON_DEMAND"
    assert exchange.request.url == url
    decoder = exchange.decoder()
    decoder.feed(b'{"modelSummaries": [{"modelId": "a"}, {"modelId": "a"}, {}, 1]}')
    assert decoder.close() == ("a",)


# --- credentials


def test_access_keys_sign_and_the_content_type_is_signed_too() -> None:
    """Loki sends no content type."""
    headers = authorized(asking(), **KEYS)
    assert headers["content-type"] == "application/json"
    assert headers["x-amz-date"] == "20250102T030405Z"
    assert headers["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20250102/eu-west-1/bedrock/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, Signature="
    )


def test_a_session_token_is_sent_and_signed() -> None:
    headers = authorized(asking(), **KEYS, session_token="token")
    assert headers["x-amz-security-token"] == "token"
    assert "host;x-amz-date;x-amz-security-token," in headers["authorization"]


def test_an_api_key_is_a_bearer_and_goes_first() -> None:
    """Loki has none."""
    headers = authorized(asking(), **KEYS, api_key="bedrock-api-key")
    assert headers["authorization"] == "Bearer bedrock-api-key"
    assert "x-amz-date" not in headers


@pytest.mark.parametrize("key", KEYS)
def test_half_a_pair_of_keys_signs_nothing(key: str) -> None:
    assert authorized(asking(), **{key: "x"}) == asking().headers


def test_what_a_patch_adds_is_signed() -> None:
    """Loki signs headers in the order and case in which they came, so a patch breaks the signature."""
    patch = {
        "chat_completions": {
            ".*": {
                "headers": {"X-Custom": "  a  b ", "X-Amzn-Bedrock-Trace": "ENABLED"},
                "body": {"system": [{"text": "s"}, {"cachePoint": {"type": "default"}}]},
            }
        }
    }
    settings = client(patch=patch)
    request = patched(asking(), model=model(CLAUDE), client=settings, api="chat_completions").request
    headers = authorized(request, **KEYS)
    names = "content-type;host;x-amz-date;x-amzn-bedrock-trace;x-custom"
    assert f"SignedHeaders={names}," in headers["authorization"]
    assert request.body["system"][1] == {"cachePoint": {"type": "default"}}
    assert authorized(asking(), **KEYS)["authorization"] != headers["authorization"]


def test_halves_of_keys_are_a_mistake_of_the_configuration() -> None:
    assert client(access_key_id="x").lacking() == ("secret_access_key",)
    assert BedrockSettings(type="bedrock", session_token="x").lacking() == (  # type: ignore[arg-type]
        "region",
        "access_key_id",
        "secret_access_key",
    )
    assert client().lacking() == client(**KEYS).lacking() == ()


# --- what models take


@pytest.mark.parametrize("name", [CLAUDE, ARN, "anthropic.claude-3-7-sonnet-20250219-v1:0"])
def test_claude_of_then_reasons_with_a_budget(name: str) -> None:
    wire = asking(name, reasoning="low").body
    assert wire["additionalModelRequestFields"]["thinking"]["type"] == "enabled"


def test_claude_of_today_reasons_by_effort_and_takes_no_temperature() -> None:
    name = "eu.anthropic.claude-opus-4-7"
    assert asking(name, reasoning="high").body["outputConfig"] == {"effort": "high"}
    with pytest.raises(Unsupported, match="temperature"):
        asking(name, temperature=0.5)


def test_others_reason_as_their_makers_have_it() -> None:
    fields = "additionalModelRequestFields"
    assert asking("openai.gpt-oss-120b-1:0", reasoning="low").body[fields] == {"reasoning_effort": "low"}
    nova = asking("us.amazon.nova-2-lite-v1:0", reasoning="medium").body[fields]
    assert nova == {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}
    with pytest.raises(Unsupported, match="does not reason"):
        asking("amazon.nova-micro-v1:0", reasoning="low")
    with pytest.raises(Unsupported, match="not known how"):
        asking("meta.llama4-maverick-17b-instruct-v1:0", reasoning="low")


def test_what_a_model_does_not_have_is_unsupported() -> None:
    picture = Message("user", (Image("image/png", b"x"),))
    with pytest.raises(Unsupported, match="images"):
        asking("amazon.nova-micro-v1:0", messages=(picture,))
    with pytest.raises(Unsupported, match="tools"):
        asking("us.deepseek.r1-v1:0", tools=(Tool("a"),))


@pytest.mark.parametrize(
    ("name", "kind", "batch"),
    [
        ("cohere.embed-multilingual-v3", "embedding", None),
        ("us.cohere.embed-v4:0", "embedding", None),
        ("amazon.titan-embed-text-v2:0", "embedding", 1),
        ("amazon.nova-2-multimodal-embeddings-v1:0", "embedding", 1),
        ("cohere.rerank-v3-5:0", "reranker", None),
        ("arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0", "reranker", None),
        ("amazon.nova-lite-v1:0", "chat", None),
        (CLAUDE, "chat", None),
    ],
)
def test_the_catalogue_knows_what_models_are_for(name: str, kind: str, batch: int | None) -> None:
    found = model(name)
    assert (found.type, found.max_batch_size) == (kind, batch)


def test_a_model_that_needs_a_limit_gets_its_own() -> None:
    needy = ModelSettings(name="m", require_max_tokens=True, max_output_tokens=50)
    wire = chat(client(), needy, ASKED).request.body
    assert wire["inferenceConfig"] == {"maxTokens": 50}
    plain = ModelSettings(name="m", no_system_message=True, system_prompt_prefix="P")
    assert chat(client(), plain, ASKED).request.body["messages"][0]["content"][0] == {"text": "P"}
