"""The official TikTok client against the sandbox: `drive_tiktok.py BASE_URL ADVERTISER SINCE UNTIL`.

`tiktok-business-api-sdk-official` itself, with its host replaced; requests are its own body and filter models. Proven: advertiser facts,
campaigns and ad groups by page, the daily report, budget and status of campaign and ad group, a
campaign made with all below it, the error envelope."""

import datetime
import sys

import business_api_client as sdk
from business_api_client.models.filtering_report_integrated_get import FilteringReportIntegratedGet
from business_api_client.tiktok_business.tiktok_exceptions import TiktokSDKError

from http_json import next_fault

BASE, ADVERTISER, SINCE, UNTIL = sys.argv[1:5]
TOKEN = "sandbox-official"


def client():
    configuration = sdk.Configuration()
    configuration.host = BASE
    return sdk.ApiClient(configuration)


def data(answer):
    assert set(answer) >= {"data"}, answer
    return answer["data"]


def refused(call):
    try:
        call()
    except TiktokSDKError as error:
        return error
    raise AssertionError("accepted")


def made(campaigns, groups, ads, files):
    """A tree made top down, stopped, with the package's own bodies."""
    body = sdk.CampaignCreateBody(advertiser_id=ADVERTISER, campaign_name="Official client", objective_type="WEB_CONVERSIONS",
                                  budget_mode="BUDGET_MODE_INFINITE", operation_status="DISABLE", request_id="17320000001")
    campaign_id = data(campaigns.campaign_create(TOKEN, body=body))["campaign_id"]
    body = sdk.AdgroupCreateBody(
        advertiser_id=ADVERTISER, campaign_id=campaign_id, adgroup_name="Official client", promotion_type="WEBSITE",
        placement_type="PLACEMENT_TYPE_NORMAL", placements=["PLACEMENT_TIKTOK"], location_ids=["6252001"], age_groups=["AGE_25_34"],
        gender="GENDER_UNLIMITED", budget_mode="BUDGET_MODE_DAY", budget=60, schedule_type="SCHEDULE_FROM_NOW",
        schedule_start_time=f"{UNTIL} 12:00:00", optimization_goal="CONVERT", billing_event="OCPM", pixel_id="7100000000000000009",
        optimization_event="SHOPPING", bid_type="BID_TYPE_NO_BID", pacing="PACING_MODE_SMOOTH", operation_status="DISABLE", request_id="17320000002")
    adgroup_id = data(groups.adgroup_create(TOKEN, body=body))["adgroup_id"]
    image = data(files.ad_image_upload(TOKEN, advertiser_id=ADVERTISER, upload_type="UPLOAD_BY_URL", file_name="a.png", image_url="https://example.com/a.png"))
    creative = sdk.AdcreateCreatives(ad_name="Official client", ad_format="SINGLE_IMAGE", ad_text="A text", call_to_action="SHOP_NOW",
                                     landing_page_url="https://example.com/", identity_type="CUSTOMIZED_USER", identity_id="7200000000000000001",
                                     image_ids=[image["image_id"]], operation_status="DISABLE")
    ad = data(ads.ad_create(TOKEN, body=sdk.AdCreateBody(advertiser_id=ADVERTISER, adgroup_id=adgroup_id, creatives=[creative])))
    listed = data(ads.ad_get(ADVERTISER, TOKEN, filtering=sdk.FilteringAdGet(adgroup_ids=[adgroup_id])))["list"]
    assert [row["ad_id"] for row in listed] == ad["ad_ids"] and listed[0]["operation_status"] == "DISABLE", listed
    ads.ad_status_update(TOKEN, body=sdk.AdStatusUpdateBody(advertiser_id=ADVERTISER, ad_ids=ad["ad_ids"], operation_status="ENABLE"))


def main():
    api = client()
    accounts, campaigns, groups, reports = (sdk.AccountManagementApi(api), sdk.CampaignCreationApi(api), sdk.AdgroupApi(api), sdk.ReportingApi(api))
    facts = data(accounts.advertiser_info([ADVERTISER], TOKEN, fields=["advertiser_id", "name", "currency", "timezone", "status"]))["list"][0]
    assert facts["advertiser_id"] == ADVERTISER and facts["status"] == "STATUS_ENABLE", facts

    def every(call, **named):
        rows, page, pages = [], 1, 1
        while page <= pages:
            answer = data(call(page=page, page_size=7, **named))
            rows, pages, page = rows + answer["list"], answer["page_info"]["total_page"], page + 1
        return rows

    listed = every(lambda **named: campaigns.campaign_get(ADVERTISER, TOKEN, **named),
                   fields=["campaign_id", "campaign_name", "objective_type", "budget", "budget_mode", "operation_status", "secondary_status"])
    assert len({row["campaign_id"] for row in listed}) == len(listed) > 7, len(listed)
    grouped = every(lambda **named: groups.adgroup_get(ADVERTISER, TOKEN, **named))
    assert len(grouped) == len(listed)
    one = data(campaigns.campaign_get(ADVERTISER, TOKEN, filtering=sdk.FilteringCampaignGet(campaign_ids=[listed[0]["campaign_id"]])))["list"]
    assert [row["campaign_id"] for row in one] == [listed[0]["campaign_id"]]

    since = max(SINCE, (datetime.date.fromisoformat(UNTIL) - datetime.timedelta(days=29)).isoformat())
    everything = FilteringReportIntegratedGet(field_name="campaign_status", filter_type="IN", filter_value='["STATUS_ALL"]')
    report = data(reports.report_integrated_get(
        "BASIC", TOKEN, advertiser_id=ADVERTISER, data_level="AUCTION_CAMPAIGN", dimensions=["campaign_id", "stat_time_day"],
        metrics=["spend", "impressions", "clicks", "conversion", "complete_payment", "total_complete_payment_rate"],
        start_date=since, end_date=UNTIL, filtering=[everything], page=1, page_size=1000))["list"]
    assert sum(float(row["metrics"]["spend"]) for row in report) > 0, len(report)

    def campaign(campaign_id):
        return data(campaigns.campaign_get(ADVERTISER, TOKEN, filtering=sdk.FilteringCampaignGet(campaign_ids=[campaign_id])))["list"][0]

    def group(adgroup_id):
        return data(groups.adgroup_get(ADVERTISER, TOKEN, filtering=sdk.FilteringAdgroupGet(adgroup_ids=[adgroup_id])))["list"][0]

    mine = next(row for row in listed if row["budget_mode"] != "BUDGET_MODE_INFINITE" and row["operation_status"] == "ENABLE")
    body = sdk.CampaignUpdateBody(advertiser_id=ADVERTISER, campaign_id=mine["campaign_id"], budget=mine["budget"] + 25)
    campaigns.campaign_update(TOKEN, body=body)
    assert campaign(mine["campaign_id"])["budget"] == mine["budget"] + 25
    theirs = next(row for row in grouped if row["budget_mode"] == "BUDGET_MODE_DAY")
    body = sdk.AdgroupUpdateBody(advertiser_id=ADVERTISER, adgroup_id=theirs["adgroup_id"], budget=theirs["budget"] + 25, location_ids=theirs["location_ids"],
                                 schedule_type=theirs["schedule_type"], schedule_start_time=theirs["schedule_start_time"])
    groups.adgroup_update(TOKEN, body=body)
    assert group(theirs["adgroup_id"])["budget"] == theirs["budget"] + 25
    for status in ("DISABLE", "ENABLE"):
        body = sdk.CampaignStatusUpdateBody(advertiser_id=ADVERTISER, campaign_ids=[mine["campaign_id"]], operation_status=status)
        campaigns.campaign_status_update(TOKEN, body=body)
        assert campaign(mine["campaign_id"])["operation_status"] == status
        body = sdk.AdgroupStatusUpdateBody(advertiser_id=ADVERTISER, adgroup_ids=[theirs["adgroup_id"]], operation_status=status)
        groups.adgroup_status_update(TOKEN, body=body)
        assert group(theirs["adgroup_id"])["operation_status"] == status

    made(campaigns, groups, sdk.AdApi(api), sdk.FileApi(api))
    low = refused(lambda: campaigns.campaign_update(TOKEN, body=sdk.CampaignUpdateBody(advertiser_id=ADVERTISER, campaign_id=mine["campaign_id"], budget=1)))
    assert "40002" in str(low), low
    assert "40105" in str(refused(lambda: campaigns.campaign_get(ADVERTISER, "stolen")))
    next_fault(BASE, "http_429")
    assert "40100" in str(refused(lambda: campaigns.campaign_get(ADVERTISER, TOKEN)))
    print(f"{len(listed)} campaigns, {len(report)} report rows, updates and refusals as the official client expects them")


if __name__ == "__main__":
    main()
