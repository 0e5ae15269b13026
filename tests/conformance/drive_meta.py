"""The official Meta client against the sandbox: `drive_meta.py BASE_URL ACCOUNT SINCE UNTIL`.

`facebook-business` itself, with the Graph host replaced. Its warnings (a parameter, field or enum value it does not know, an answer it cannot
type) count as failures, and every member of every answer must be a field of the class that carries it. Proven: account, campaigns and ad
sets with cursors, insights by day, daily budget and status of campaign and ad set, a dry run, the error envelope."""

import json
import sys
import warnings

from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.adsinsights import AdsInsights
from facebook_business.adobjects.campaign import Campaign
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

from definitions import meta
from http_json import next_fault

BASE, ACCOUNT, SINCE, UNTIL = sys.argv[1:5]


class Session(FacebookSession):
    """The official session, at the sandbox's address."""

    GRAPH = BASE


def known(obj):
    """The object, when each of its members is one its class has, of the type the class gives it."""
    found = meta.object_problems(type(obj), json.loads(json.dumps(obj.export_all_data())), type(obj).__name__)
    assert not found, found
    return obj


def refused(call):
    try:
        call()
    except FacebookRequestError as error:
        return error
    raise AssertionError("accepted")


def main():
    warnings.simplefilter("error")
    session = Session(app_id="1", app_secret="example", access_token="sandbox-official")
    session.requests.trust_env = False
    FacebookAdsApi.set_default_api(FacebookAdsApi(session))
    account = AdAccount(ACCOUNT)
    facts = known(account.api_get(fields=[AdAccount.Field.account_id, AdAccount.Field.name, AdAccount.Field.account_status, AdAccount.Field.currency,
                                          AdAccount.Field.timezone_name, AdAccount.Field.min_daily_budget]))
    assert facts[AdAccount.Field.account_status] == 1 and ACCOUNT == f"act_{facts[AdAccount.Field.account_id]}", facts

    fields = [Campaign.Field.id, Campaign.Field.name, Campaign.Field.objective, Campaign.Field.status, Campaign.Field.effective_status,
              Campaign.Field.daily_budget, Campaign.Field.lifetime_budget, Campaign.Field.budget_remaining, Campaign.Field.special_ad_categories,
              Campaign.Field.created_time, Campaign.Field.issues_info, Campaign.Field.bid_strategy, Campaign.Field.is_adset_budget_sharing_enabled]
    campaigns = [known(row) for row in account.get_campaigns(fields=fields, params={"limit": 7})]
    assert len({row["id"] for row in campaigns}) == len(campaigns) > 7, len(campaigns)
    active = [row for row in account.get_campaigns(fields=["id"], params={"effective_status": [Campaign.EffectiveStatus.active]})]
    assert 0 < len(active) <= len(campaigns)
    fields = [AdSet.Field.id, AdSet.Field.campaign_id, AdSet.Field.name, AdSet.Field.status, AdSet.Field.effective_status, AdSet.Field.daily_budget,
              AdSet.Field.lifetime_budget, AdSet.Field.learning_stage_info, AdSet.Field.optimization_goal, AdSet.Field.billing_event,
              AdSet.Field.promoted_object, AdSet.Field.attribution_spec, AdSet.Field.issues_info, AdSet.Field.bid_strategy]
    sets = [known(row) for row in account.get_ad_sets(fields=fields, params={"limit": 100})]
    assert len(sets) == len(campaigns)

    params = {"level": AdsInsights.Level.campaign, "time_range": {"since": SINCE, "until": UNTIL}, "time_increment": 1, "limit": 200,
              "action_attribution_windows": [AdsInsights.ActionAttributionWindows.value_7d_click]}
    fields = [AdsInsights.Field.campaign_id, AdsInsights.Field.spend, AdsInsights.Field.impressions, AdsInsights.Field.clicks, AdsInsights.Field.reach,
              AdsInsights.Field.actions, AdsInsights.Field.action_values, AdsInsights.Field.account_currency, AdsInsights.Field.purchase_roas]
    report = [known(row) for row in account.get_insights(fields=fields, params=params)]
    assert len(report) > 200 and sum(float(row["spend"]) for row in report) > 0, len(report)

    mine = next(row for row in campaigns if int(row.get("daily_budget", 0)) > 0 and row["status"] == "ACTIVE")
    theirs = next(row for row in sets if int(row.get("daily_budget", 0)) > 0)
    for cls, row in ((Campaign, mine), (AdSet, theirs)):
        amount, node = int(row["daily_budget"]) + 500, cls(row["id"])
        node.api_update(params={"daily_budget": amount, "execution_options": ["validate_only"]})
        assert node.api_get(fields=["daily_budget"])["daily_budget"] == row["daily_budget"]
        node.api_update(params={"daily_budget": amount})
        assert known(node.api_get(fields=["daily_budget"]))["daily_budget"] == str(amount)
        for status in (cls.Status.paused, cls.Status.active):
            node.api_update(params={"status": status})
            assert known(node.api_get(fields=["status", "effective_status"]))["status"] == status
    assert known(Campaign(mine["id"]).get_insights(fields=["spend"], params={"date_preset": "last_7d"})[0])

    low = refused(lambda: Campaign(mine["id"]).api_update(params={"daily_budget": 1}))
    assert (low.http_status(), low.api_error_code(), low.api_error_subcode()) == (400, 100, 1885272) and not low.api_transient_error(), low
    gone = refused(lambda: Campaign("9").api_get(fields=["id"]))
    assert gone.api_error_code() == 100 and gone.api_error_type(), gone
    for fault, code, transient in (("http_429", 80004, False), ("http_500", 2, True), ("revoked_token", 190, False)):
        next_fault(BASE, fault)
        error = refused(lambda: Campaign(mine["id"]).api_get(fields=["id"]))
        assert (error.api_error_code(), bool(error.api_transient_error())) == (code, transient), error
        if fault == "http_429":
            usage = json.loads(error.http_headers()["x-business-use-case-usage"])
            assert all("estimated_time_to_regain_access" in row for rows in usage.values() for row in rows), usage
    print(f"{len(campaigns)} campaigns, {len(report)} report rows, updates and refusals as the official client expects them")


if __name__ == "__main__":
    main()
