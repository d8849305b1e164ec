"""Where the program that lokid comes from is wrong or out of date: for each fault the tests of what is right.
That they exist is checked here; what they say, there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lokid.providers.registry import PROVIDERS

TESTS = Path(__file__).parents[1]

FAULTS = """
openai
  asks through Chat Completions only, which refuses tools of gpt-5.6
    providers/test_openai.py test_the_model_decides_which_chat_api
  sends max_tokens to models that want max_completion_tokens
    dialects/test_openai_chat.py test_the_limit_has_the_name_that_the_model_wants
  does not ask for usage of streams
    dialects/test_openai_chat.py test_a_stream_asks_for_usage
  reads no usage, so there are no costs
    dialects/test_openai_chat_answer.py test_usage_counts_everything
    runtime/test_call_openai.py test_a_streamed_answer
  reads the first tool call of a chunk only, and joins calls whose index changes without an id
    dialects/test_tool_calls.py test_tool_calls_are_put_together_in_every_variant
  tells the last tool call at [DONE]
    dialects/test_tool_calls.py test_a_call_is_told_as_it_arrives_and_not_at_done
  takes an error inside a stream for the end of the answer
    dialects/test_openai_chat_answer.py test_an_error_inside_a_stream_is_an_error
    dialects/test_openai_chat_answer.py
      test_a_stream_cut_before_its_terminal_marker_is_an_error_not_a_short_answer
  ignores refusals
    dialects/test_openai_chat_answer.py test_a_refusal_is_an_answer
  ignores finish reasons
    dialects/test_openai_chat_answer.py test_finish_reasons
  cannot read content that is a list
    dialects/test_openai_chat_answer.py test_texts_are_read_in_their_order
  calls an answer without text invalid
    dialects/test_openai_chat_answer.py test_an_answer_may_have_no_text_when_reasoning_took_the_limit
  embeds without dimensions
    dialects/test_openai_embeddings.py test_the_body_holds_what_the_caller_and_the_server_want
  does not trim the address
    providers/test_addresses.py test_a_base_is_https_or_this_machine
  does not check the order of vectors
    dialects/test_openai_embeddings.py
      test_vectors_are_in_the_order_of_the_texts_whatever_the_order_of_the_answer
  sends all texts in one request
    runtime/test_embed.py test_batches_are_as_large_as_model_and_provider_allow
  has no reasoning, schema, stop and tool choice
    dialects/test_openai_chat.py test_settings_of_the_request
    dialects/test_openai_chat.py test_tools_and_their_choice
    dialects/test_openai_responses.py test_settings_of_the_request
  drops the text that came with tool calls
    dialects/test_openai_chat.py test_text_that_came_with_tool_calls_is_kept
    dialects/test_tool_calls.py test_text_with_tool_calls_is_kept_in_front_of_them
openai-compatible
  has addresses of vendors that moved
    providers/test_vendors.py test_vendors_that_moved_are_where_they_are_today
  has no way with servers that refuse stream_options
    providers/test_openai.py test_a_server_that_does_not_know_stream_options_is_asked_without
azure-openai
  has fixed versions, no v1 route, no routes of Foundry and Claude, and `//openai`
    providers/test_azure_openai.py test_the_way_in_follows_from_the_path_the_name_and_the_version
    providers/test_azure_openai.py test_claude_is_asked_in_its_own_format_with_its_own_version
  has no Responses
    providers/test_azure_openai.py test_models_that_need_the_responses_api_are_asked_there
  has no Entra ID
    providers/test_azure_openai.py test_a_token_takes_the_place_of_the_key
    runtime/test_call_azure_cohere.py test_a_token_that_a_command_prints_opens_azure
claude
  ignores error events
    dialects/test_anthropic_messages_answer.py test_an_error_in_the_middle_is_an_error_and_not_a_short_answer
  tells each tool call again
    dialects/test_anthropic_messages_answer.py test_a_tool_call_is_told_once
  drops signatures and hidden thinking
    dialects/test_anthropic_messages.py test_thinking_goes_back_with_its_signature_in_its_place
    dialects/test_anthropic_messages_answer.py test_what_came_goes_back_as_it_was
  sends budgets to models that refuse them
    providers/test_claude.py test_each_generation_is_asked_to_think_in_its_own_way
    dialects/test_anthropic_messages.py test_models_from_4_7_on_get_an_effort_and_never_a_budget
  refuses images by URL
    dialects/test_anthropic_messages.py test_images_are_bytes_or_urls
  leaves out max_tokens
    dialects/test_anthropic_messages.py test_a_limit_is_always_sent
  ignores why an answer ended
    dialects/test_anthropic_messages_answer.py test_why_it_ended
  ignores refusals
    dialects/test_anthropic_messages_answer.py test_a_refusal_without_text_says_why_and_that_never_goes_back
  ignores usage
    dialects/test_anthropic_messages_answer.py test_counts_are_totals_and_what_a_later_event_leaves_out_stays
  never says that a tool failed
    dialects/test_anthropic_messages.py test_a_tool_that_failed_is_said_to_have_failed
  calls an answer of nothing invalid
    dialects/test_anthropic_messages_answer.py test_an_answer_of_nothing_is_an_answer
  passes for another product
    contracts/test_conversations.py test_no_request_pretends_to_come_from_another_product
    providers/test_oauth_presets.py test_presets_are_addresses_with_tls_and_no_client_of_anybody
gemini
  prints thoughts, and puts blank lines between parts
    dialects/test_gemini_answer.py test_parts_are_read_in_their_order
  knows SAFETY only
    dialects/test_gemini_answer.py test_finish_reasons_are_told_apart
    dialects/test_gemini_answer.py test_a_refused_prompt_is_an_error_that_says_why
  calls an answer invalid whose tokens all went into thinking
    dialects/test_gemini_answer.py test_all_tokens_may_go_into_thinking
  sends the role `function` and drops ids
    dialects/test_gemini.py test_results_of_one_round_are_one_turn_of_the_user_in_the_order_of_the_calls
  keeps signatures of tool calls only
    dialects/test_gemini.py test_every_part_goes_back_as_it_came
  streams a JSON array
    providers/test_gemini.py test_a_stream_is_asked_for_as_server_sent_events
  sends the key of embeddings in the URL
    providers/test_gemini.py test_the_key_is_a_header_and_never_in_the_url
  embeds without purpose and dimensions
    dialects/test_gemini_embeddings.py test_what_a_text_is_for_is_a_parameter
  embeds without batches
    providers/test_gemini.py test_texts_are_embedded_in_batches
  has no schema
    dialects/test_gemini.py test_parameters_have_googles_names
  has no thinking
    dialects/test_gemini.py test_models_up_to_2_5_get_a_budget
    dialects/test_gemini.py test_models_from_3_on_get_a_level
  brings a client id of its own
    providers/test_oauth_presets.py test_presets_are_addresses_with_tls_and_no_client_of_anybody
vertexai
  reads one kind of default credentials, not where Google's variable says, and asks for tokens in JSON
    runtime/identities/test_google.py test_are_asked_in_googles_order
    runtime/identities/test_google.py test_asks_as_google_auth_does
    runtime/identities/test_google.py test_signs_for_a_service_account
  has no hosts of multi-regions
    providers/test_vertexai.py test_the_location_is_in_host_and_path
  always streams Claude
    providers/test_vertexai.py test_claude_speaks_anthropics_format_without_the_model_in_the_body
  knows families by the beginning of a name only
    providers/test_vertexai.py test_the_name_says_whose_model_it_is_or_what_stands_before_it
  cannot read content of Mistral that is a list
    providers/test_vertexai.py test_mistral_may_answer_with_a_list_of_parts
  sends many texts to a model that takes one
    providers/test_vertexai.py test_models_that_take_one_text_a_request_get_one
bedrock
  decodes exceptions as base64
    dialects/test_bedrock_converse_answer.py test_an_exception_in_the_stream_is_raised_with_its_words
  signs headers unsorted
    protocols/test_sigv4.py test_headers_that_a_patch_added_are_signed_sorted_lower_case_and_trimmed
    providers/test_bedrock.py test_what_a_patch_adds_is_signed
  does not encode the slashes of ARNs
    providers/test_bedrock.py test_a_model_is_one_segment_of_the_path
  sends no content type
    providers/test_bedrock.py test_access_keys_sign_and_the_content_type_is_signed_too
  has no API keys
    providers/test_bedrock.py test_an_api_key_is_a_bearer_and_goes_first
  embeds as Cohere's third only
    dialects/test_bedrock_invoke.py test_coheres_fourth_has_types_and_dimensions
    dialects/test_bedrock_invoke.py test_titan_takes_one_text
    dialects/test_bedrock_invoke.py test_nova_takes_one_text_and_refuses_to_cut_it
  tells each tool call again
    dialects/test_bedrock_converse_answer.py test_calls_may_be_parallel_and_without_arguments
  drops signatures
    dialects/test_bedrock_converse.py test_signed_and_hidden_reasoning_goes_back_to_its_origin_only
  sends results as json that are no objects
    dialects/test_bedrock_converse.py test_only_objects_are_results_as_json
  calls photographs jpg
    dialects/test_bedrock_converse.py test_the_format_of_a_photograph_is_jpeg_never_jpg
  ignores why an answer ended
    dialects/test_bedrock_converse_answer.py test_reasons_to_stop_have_our_names
  ignores usage
    dialects/test_bedrock_converse_answer.py test_usage_counts_what_the_cache_did_as_input
  has no schema and no effort
    dialects/test_bedrock_converse.py test_the_schema_of_an_answer_is_text_and_closed
    dialects/test_bedrock_converse.py test_claude_reasons_by_effort_without_a_limit
  loses the type of errors
    dialects/test_bedrock_errors.py test_the_code_is_in_a_header_and_the_reason_in_the_body
cohere
  loses the answer of models that think first
    dialects/test_cohere_chat_answer.py test_thinking_that_comes_first_is_not_taken_for_the_answer
  ignores why an answer ended
    dialects/test_cohere_chat_answer.py test_reasons_to_finish
  ignores usage
    dialects/test_cohere_chat_answer.py
      test_usage_is_all_that_was_read_and_what_is_billed_is_kept_for_the_cost
  fails on tools without arguments
    dialects/test_cohere_chat_answer.py test_a_tool_without_arguments_has_none_however_that_is_written
  prints the plan as text and does not send it back
    dialects/test_cohere_chat_answer.py test_the_plan_is_reasoning_and_kept_for_the_next_round
    dialects/test_cohere_chat.py test_what_the_model_planned_and_thought_goes_back_with_its_calls
  sends few parameters, and none by Cohere's names
    dialects/test_cohere_chat.py test_parameters_have_coheres_names
  does not notice that a stream ended with an error
    dialects/test_cohere_chat_answer.py test_an_error_at_the_end_of_a_stream_is_an_error
  asks the former host
    providers/test_cohere.py test_each_thing_has_its_path
  embeds without dimensions and batches
    dialects/test_cohere_embeddings.py test_dimensions_have_coheres_name
    providers/test_cohere.py test_texts_are_embedded_in_batches_of_what_cohere_takes
"""
"""Type, what is wrong there, and in which files which tests hold what is right."""

TABLE = re.compile(r"^(\S+)$|^  (\S.*)$|^    (\S+)\s+(\S+)$", re.MULTILINE)


def rows() -> Iterator[tuple[str, str, str, str]]:
    kind = fault = ""
    for match in TABLE.finditer(FAULTS):
        kind, fault = match[1] or kind, match[2] or fault
        if match[3]:
            yield kind, fault, match[3], match[4]


@pytest.mark.parametrize(("kind", "fault", "file", "name"), list(rows()))
def test_each_fault_has_a_test(kind: str, fault: str, file: str, name: str) -> None:
    assert kind in PROVIDERS and fault
    assert re.search(rf"^ *(async )?def {name}\(", (TESTS / file).read_text(), re.MULTILINE)
