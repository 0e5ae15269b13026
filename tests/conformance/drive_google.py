"""The official Google Ads client against the sandbox: `drive_google.py BASE_URL CUSTOMER SINCE UNTIL`.

`google-ads` speaks gRPC. Its own service clients run here over a channel that carries each call as the REST form of the same message: what
goes out is the request message in protobuf's JSON, what comes back must be read strictly by the response message and be in protobuf's JSON
form. Proven: search with paging, search stream, reports, budget and status updates with masks, dry runs, partial failures, a campaign made with all
below it, an image linked to its ads, error details."""

import sys

import grpc
from google.ads.googleads.v26.errors.types.errors import GoogleAdsFailure
from google.ads.googleads.v26.resources.types.ad_group import AdGroup
from google.ads.googleads.v26.resources.types.campaign import Campaign
from google.ads.googleads.v26.resources.types.campaign_budget import CampaignBudget
from google.ads.googleads.v26.services.services.ad_group_service import AdGroupServiceClient
from google.ads.googleads.v26.services.services.campaign_budget_service import CampaignBudgetServiceClient
from google.ads.googleads.v26.services.services.campaign_service import CampaignServiceClient
from google.ads.googleads.v26.services.services.customer_service import CustomerServiceClient
from google.ads.googleads.v26.services.services.google_ads_service import GoogleAdsServiceClient
from google.ads.googleads.v26.services.types.ad_group_service import AdGroupOperation
from google.ads.googleads.v26.services.types.campaign_budget_service import CampaignBudgetOperation, MutateCampaignBudgetsRequest
from google.ads.googleads.v26.services.types.campaign_service import CampaignOperation
from google.ads.googleads.v26.services.types.google_ads_service import MutateGoogleAdsRequest, MutateOperation
from google.api_core import protobuf_helpers
from google.protobuf import json_format

from definitions import google_ads, protobuf
from http_json import call, next_fault

BASE, CUSTOMER, SINCE, UNTIL = sys.argv[1:5]
TOKEN = {"Authorization": "Bearer sandbox-official"}


class Refused(Exception):
    """An answer that is an error, with its GoogleAdsFailure."""

    def __init__(self, status, failure):
        super().__init__(f"{status}: {failure}")
        self.failure = failure


def rest_path(rpc, request):
    """The REST path of a gRPC method: `…/CampaignService/MutateCampaigns` is `customers/N/campaigns:mutate`."""
    method = rpc.rsplit("/", 1)[1]
    if method == "ListAccessibleCustomers":
        return "GET", "customers:listAccessibleCustomers"
    named = {"Search": "googleAds:search", "SearchStream": "googleAds:searchStream", "Mutate": "googleAds:mutate"}.get(method)
    if named is None:
        collection = method.removeprefix("Mutate")
        named = f"{collection[0].lower()}{collection[1:]}:mutate"
    return "POST", f"customers/{request.customer_id}/{named}"


def carried(rpc, serialize, deserialize):
    """One gRPC method as a call over REST; the answer as the list of its messages."""

    def send(request, *_, **__):
        message = type(request).pb(request)
        verb, path = rest_path(rpc, message)
        body = json_format.MessageToDict(message)
        body.pop("customerId", None)
        status, answer = call(verb, f"{BASE}/{google_ads.VERSION}/{path}", TOKEN, body if verb == "POST" else None)
        _, response, _ = google_ads.messages(f"/{google_ads.VERSION}/{path}")
        parts = answer if isinstance(answer, list) else [answer]
        found = google_ads.message_problems(response, status, answer)
        assert not found, f"{path}: {found}"
        if status != 200:
            details = [detail for detail in parts[0]["error"]["details"] if detail["@type"].endswith("GoogleAdsFailure")]
            raise Refused(status, GoogleAdsFailure.from_json(json_format.json.dumps({k: v for k, v in details[0].items() if k != "@type"})) if details else None)
        return [deserialize(protobuf.read(response, part).SerializeToString()) for part in parts]

    return send


class Rest(grpc.Channel):
    """A channel of the official clients that ends at the sandbox."""

    def unary_unary(self, method, request_serializer=None, response_deserializer=None, _registered_method=False):
        send = carried(method, request_serializer, response_deserializer)
        return lambda request, *rest, **named: send(request)[0]

    def unary_stream(self, method, request_serializer=None, response_deserializer=None, _registered_method=False):
        send = carried(method, request_serializer, response_deserializer)
        return lambda request, *rest, **named: iter(send(request))

    def stream_unary(self, *_, **__):
        raise NotImplementedError("no such method is used")

    stream_stream = stream_unary

    def subscribe(self, callback, try_to_connect=False):
        pass

    def unsubscribe(self, callback):
        pass

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


def client(cls):
    """A service's own client over that channel. The transport is not asked to log, for it would look for gRPC's call objects."""
    transport = cls.get_transport_class("grpc")
    grpc.intercept_channel, intercept = lambda channel, *_: channel, grpc.intercept_channel
    try:
        return cls(transport=transport(channel=Rest()))
    finally:
        grpc.intercept_channel = intercept


def updated(operation, resource):
    """The operation that updates what is set in `resource`, with the mask the official examples make."""
    operation.update = resource
    operation.update_mask.CopyFrom(protobuf_helpers.field_mask(None, type(resource).pb(resource)))
    return operation


def refusal(send, **request):
    """What a call that must fail is refused with."""
    try:
        send(**request)
    except Refused as error:
        return error.failure.errors[0].error_code
    raise AssertionError(f"accepted: {request}")


def launch():
    """A campaign with all below it, by temporary names, as the official examples build it."""
    def name(kind, number):
        return f"customers/{CUSTOMER}/{kind}/{number}"

    made = [MutateOperation() for _ in range(6)]
    budget, campaign, place, group, keyword, ad = made
    create = budget.campaign_budget_operation.create
    create.resource_name, create.name, create.amount_micros, create.explicitly_shared = name("campaignBudgets", -1), "Official client budget", 50_000_000, False
    create = campaign.campaign_operation.create
    create.resource_name, create.name, create.campaign_budget = name("campaigns", -2), "Official client", name("campaignBudgets", -1)
    create.status, create.advertising_channel_type = "PAUSED", "SEARCH"
    create.maximize_conversions.target_cpa_micros = 8_000_000
    create.network_settings.target_google_search = True
    create.contains_eu_political_advertising = "DOES_NOT_CONTAIN_EU_POLITICAL_ADVERTISING"
    create = place.campaign_criterion_operation.create
    create.campaign, create.location.geo_target_constant = name("campaigns", -2), "geoTargetConstants/2840"
    create = group.ad_group_operation.create
    create.resource_name, create.name, create.campaign = name("adGroups", -3), "Official client group", name("campaigns", -2)
    create.type_, create.status = "SEARCH_STANDARD", "PAUSED"
    create = keyword.ad_group_criterion_operation.create
    create.ad_group, create.status = name("adGroups", -3), "ENABLED"
    create.keyword.text, create.keyword.match_type = "blue shoes", "EXACT"
    create = ad.ad_group_ad_operation.create
    create.ad_group, create.status = name("adGroups", -3), "PAUSED"
    create.ad.final_urls.append("https://www.example.com/shoes")
    for texts, those in ((create.ad.responsive_search_ad.headlines, ("Blue shoes", "Free returns", "Ships today")),
                         (create.ad.responsive_search_ad.descriptions, ("Shoes for every day.", "Order before noon."))):
        texts.extend({"text": text} for text in those)
    return made


def pictured(ads, rows, group):
    """An image for every ad of a group: made and linked at once, found again, taken away."""
    image, link = MutateOperation(), MutateOperation()
    create = image.asset_operation.create
    create.resource_name, create.name, create.image_asset.data = f"customers/{CUSTOMER}/assets/-1", "Official client", b"\x89PNG official"
    create = link.ad_group_asset_operation.create
    create.ad_group, create.asset, create.field_type = group, f"customers/{CUSTOMER}/assets/-1", "AD_IMAGE"
    made = [answer.asset_result.resource_name or answer.ad_group_asset_result.resource_name
            for answer in ads.mutate(customer_id=CUSTOMER, mutate_operations=[image, link]).mutate_operation_responses]
    named = ("SELECT ad_group.id, ad_group_asset.asset, ad_group_asset.field_type, ad_group_asset.status FROM ad_group_asset "
             f"WHERE ad_group_asset.asset = '{made[0]}'")
    found = [(row.ad_group_asset.resource_name, row.ad_group_asset.field_type.name) for row in rows(named)]
    assert found == [(made[1], "AD_IMAGE")], (found, made)
    away = MutateOperation()
    away.ad_group_asset_operation.remove = made[1]
    ads.mutate(customer_id=CUSTOMER, mutate_operations=[away])
    assert not rows(named), "a link that was removed"


def created(ads, rows):
    """Judged first and made nothing; then made at once, and found again."""
    dry = ads.mutate(request=MutateGoogleAdsRequest(customer_id=CUSTOMER, mutate_operations=launch(), validate_only=True))
    assert not dry.mutate_operation_responses, dry
    named = "SELECT campaign.id, campaign.status FROM campaign WHERE campaign.name = 'Official client'"
    assert not rows(named), "a dry run made something"
    answers = ads.mutate(customer_id=CUSTOMER, mutate_operations=launch()).mutate_operation_responses
    assert len(answers) == 6 and answers[1].campaign_result.resource_name, answers
    found = rows(named)
    assert [row.campaign.status.name for row in found] == ["PAUSED"] and found[0].campaign.resource_name == answers[1].campaign_result.resource_name, found
    below = rows("SELECT ad_group.name, ad_group_ad.status, ad_group_ad.ad.id, ad_group_ad.ad.responsive_search_ad.headlines, ad_group_ad.ad.final_urls "
                 f"FROM ad_group_ad WHERE campaign.id = {found[0].campaign.id}")
    assert [row.ad_group.name for row in below] == ["Official client group"], below
    shown = below[0].ad_group_ad
    pictured(ads, rows, below[0].ad_group.resource_name)
    assert shown.status.name == "PAUSED" and [headline.text for headline in shown.ad.responsive_search_ad.headlines][0] == "Blue shoes", shown
    return len(answers)


def main():
    ads, budgets, campaigns, groups = map(client, (GoogleAdsServiceClient, CampaignBudgetServiceClient, CampaignServiceClient, AdGroupServiceClient))
    names = client(CustomerServiceClient).list_accessible_customers().resource_names
    assert f"customers/{CUSTOMER}" in names, names

    def rows(query):
        return list(ads.search(customer_id=CUSTOMER, query=query))

    customer = rows("SELECT customer.id, customer.descriptive_name, customer.currency_code, customer.time_zone, customer.status FROM customer")[0].customer
    assert str(customer.id) == CUSTOMER and customer.status.name == "ENABLED", customer
    listed = rows("SELECT campaign.id, campaign.name, campaign.status, campaign.primary_status, campaign.primary_status_reasons, campaign.serving_status, "
                  "campaign.advertising_channel_type, campaign.bidding_strategy_type, campaign.campaign_budget, campaign_budget.id, "
                  "campaign_budget.amount_micros, campaign_budget.period, campaign_budget.explicitly_shared, campaign_budget.reference_count "
                  "FROM campaign WHERE campaign.status IN ('ENABLED', 'PAUSED') ORDER BY campaign.id")
    assert listed and all(row.campaign_budget.amount_micros > 0 for row in listed)

    report = (f"SELECT segments.date, campaign.id, metrics.cost_micros, metrics.impressions, metrics.clicks, metrics.ctr, metrics.conversions, "
              f"metrics.conversions_value FROM campaign WHERE segments.date BETWEEN '{SINCE}' AND '{UNTIL}' ORDER BY segments.date, campaign.id")
    pages = list(ads.search(customer_id=CUSTOMER, query=report).pages)
    paged = [row for page in pages for row in page.results]
    streamed = [row for batch in ads.search_stream(customer_id=CUSTOMER, query=report) for row in batch.results]
    assert len(pages) > 1 and [str(row) for row in paged] == [str(row) for row in streamed], (len(pages), len(paged), len(streamed))
    assert sum(row.metrics.cost_micros for row in paged) > 0

    own = next(row for row in listed if not row.campaign_budget.explicitly_shared and row.campaign.status.name == "ENABLED")
    amount = own.campaign_budget.amount_micros // 10_000_000 * 10_000_000 + 10_000_000
    raised = updated(CampaignBudgetOperation(), CampaignBudget(resource_name=own.campaign_budget.resource_name, amount_micros=amount))
    dry = budgets.mutate_campaign_budgets(request=MutateCampaignBudgetsRequest(customer_id=CUSTOMER, operations=[raised], validate_only=True))
    assert not dry.results, dry
    whole = MutateCampaignBudgetsRequest(customer_id=CUSTOMER, operations=[raised], response_content_type="MUTABLE_RESOURCE")
    done = budgets.mutate_campaign_budgets(request=whole).results[0]
    assert done.resource_name == own.campaign_budget.resource_name and done.campaign_budget.amount_micros == amount, done

    def standing():
        query = f"SELECT campaign.status, campaign_budget.amount_micros FROM campaign WHERE campaign.id = {own.campaign.id}"
        return rows(query)[0]

    assert standing().campaign_budget.amount_micros == amount
    odd = updated(CampaignBudgetOperation(), CampaignBudget(resource_name=own.campaign_budget.resource_name, amount_micros=amount + 1))
    code = refusal(budgets.mutate_campaign_budgets, customer_id=CUSTOMER, operations=[odd])
    assert code.campaign_budget_error.name == "NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT", code
    partial = budgets.mutate_campaign_budgets(request=MutateCampaignBudgetsRequest(customer_id=CUSTOMER, operations=[odd], partial_failure=True))
    failure = GoogleAdsFailure.deserialize(partial.partial_failure_error.details[0].value)
    assert partial.partial_failure_error.code == 3 and failure.errors[0].location.field_path_elements[0].index == 0, partial

    for status in ("PAUSED", "ENABLED"):
        operation = updated(CampaignOperation(), Campaign(resource_name=own.campaign.resource_name, status=status))
        assert campaigns.mutate_campaigns(customer_id=CUSTOMER, operations=[operation]).results[0].resource_name == own.campaign.resource_name
        assert standing().campaign.status.name == status
    group = rows(f"SELECT ad_group.id, ad_group.status, ad_group.type FROM ad_group WHERE campaign.id = {own.campaign.id}")[0].ad_group
    operation = updated(AdGroupOperation(), AdGroup(resource_name=group.resource_name, status="PAUSED"))
    assert groups.mutate_ad_groups(customer_id=CUSTOMER, operations=[operation]).results[0].resource_name == group.resource_name
    assert rows(f"SELECT ad_group.status FROM ad_group WHERE campaign.id = {own.campaign.id}")[0].ad_group.status.name == "PAUSED"

    made = created(ads, rows)
    assert refusal(lambda **named: list(ads.search(**named)), customer_id=CUSTOMER, query="SELECT campaign.colour FROM campaign").query_error.name == "UNRECOGNIZED_FIELD"
    for fault, category, name in (("http_429", "quota_error", "RESOURCE_TEMPORARILY_EXHAUSTED"), ("http_500", "internal_error", "INTERNAL_ERROR"),
                                  ("revoked_token", "authentication_error", "OAUTH_TOKEN_REVOKED")):
        next_fault(BASE, fault)
        code = refusal(budgets.mutate_campaign_budgets, customer_id=CUSTOMER, operations=[raised])
        assert getattr(code, category).name == name, code
    print(f"{len(listed)} campaigns, {len(paged)} report rows in {len(pages)} pages, {made} things made at once, updates and refusals as the official client expects them")


if __name__ == "__main__":
    main()
