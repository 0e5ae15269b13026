"""The official Meta client against the sandbox: `drive_meta.py BASE_URL ACCOUNT SINCE UNTIL`.

`facebook-business` itself, with the Graph host replaced. Its warnings (a parameter, field or enum value it does not know, an answer it cannot
type) count as failures, and every member of every answer must be a field of the class that carries it. Proven: account, campaigns and ad
sets with cursors, insights by day, daily budget and status of campaign and ad set, a dry run,
a campaign made with all below it, a report made asynchronously, the error envelope."""

import json
import sys
import time
import warnings

from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.adsinsights import AdsInsights
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adreportrun import AdReportRun
from facebook_business.adobjects.advideo import AdVideo
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
    found = meta.object_problems(type(obj), json.loads(json.dumps(obj.export_all_data())), f"answer {type(obj).__name__}")
    assert not found, found
    return obj


def refused(call):
    try:
        call()
    except FacebookRequestError as error:
        return error
    raise AssertionError("accepted")


def made(account):
    """A tree made top down, stopped, read back by the classes the package gives each answer."""
    campaign = account.create_campaign(params={
        "name": "Official client", "objective": Campaign.Objective.outcome_sales, "status": Campaign.Status.paused, "special_ad_categories": [],
        "is_adset_budget_sharing_enabled": False})
    targeting = {"geo_locations": {"countries": ["US"]}, "age_min": 25, "age_max": 44, "genders": [2], "targeting_automation": {"advantage_audience": 0}}
    group = account.create_ad_set(params={
        "name": "Official client", "campaign_id": campaign["id"], "status": AdSet.Status.paused, "daily_budget": 2500,
        "billing_event": AdSet.BillingEvent.impressions, "optimization_goal": AdSet.OptimizationGoal.offsite_conversions,
        "bid_strategy": AdSet.BidStrategy.lowest_cost_without_cap, "promoted_object": {"pixel_id": "900100", "custom_event_type": "PURCHASE"},
        "targeting": targeting})
    video = account.create_ad_video(params={"file_url": "https://example.com/a.mp4", "name": "Official client"})
    known(AdVideo(video["id"]).api_get(fields=["id", "status"]))
    story = {"page_id": "100200300", "link_data": {"link": "https://example.com/", "message": "A text", "name": "A headline", "picture": "https://example.com/a.png",
                                                   "call_to_action": {"type": "SHOP_NOW", "value": {"link": "https://example.com/"}}}}
    creative = account.create_ad_creative(params={"name": "Official client", "object_story_spec": story, "url_tags": "utm_source=facebook"})
    ad = account.create_ad(params={"name": "Official client", "adset_id": group["id"], "creative": {"creative_id": creative["id"]}, "status": Ad.Status.paused})
    shown = known(Ad(ad["id"]).api_get(fields=["id", "name", "status", "effective_status", "adset_id", "campaign_id"]))
    assert (shown["status"], shown["adset_id"], shown["campaign_id"]) == ("PAUSED", group["id"], campaign["id"]), shown
    read = known(AdSet(group["id"]).api_get(fields=["targeting", "daily_budget", "status"]))
    assert read["targeting"]["age_min"] == 25, read
    assert [row["id"] for row in Campaign(campaign["id"]).get_ads(fields=["id"])] == [ad["id"]]
    run = account.get_insights(fields=["ad_id", "spend"], params={"level": "ad", "date_preset": "last_7d"}, is_async=True)
    for _ in range(40):
        state = AdReportRun(run["report_run_id"]).api_get()
        if state["async_status"] == "Job Completed":
            break
        time.sleep(0.25)
    assert known(state)["async_percent_completion"] == 100, state
    assert len([known(row) for row in state.get_insights(params={"limit": 100})]) > 0


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

    made(account)
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
