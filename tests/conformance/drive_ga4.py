"""The official GA4 client against the sandbox: `drive_ga4.py BASE_URL PROPERTY SINCE UNTIL`.

`google-analytics-data` itself, over its own REST transport with the host replaced; every answer must besides be in protobuf's JSON form. Proven: what the
property has and what of it goes together, reports by page, filtered and in a batch, with quotas, error details, and a token that ended replaced."""

import sys

from google.analytics.data_v1beta import BetaAnalyticsDataClient
from google.analytics.data_v1beta import types as ga4
from google.analytics.data_v1beta.services.beta_analytics_data.transports.rest import BetaAnalyticsDataRestTransport
from google.api_core import exceptions
from google.oauth2.credentials import Credentials

from definitions import protobuf
from http_json import next_fault

BASE, PROPERTY, SINCE, UNTIL = sys.argv[1:5]
NAME = f"properties/{PROPERTY}"
_ANSWERS = {"metadata": ga4.Metadata, "runReport": ga4.RunReportResponse, "batchRunReports": ga4.BatchRunReportsResponse,
            "checkCompatibility": ga4.CheckCompatibilityResponse}
seen = set()


def strict(response, *_, **__):
    """Holds an answer against its message before the client reads it."""
    call = response.request.path_url.split("?")[0].replace("/", ":").rsplit(":", 1)[-1]
    seen.add(call)
    if response.ok:
        answer = response.json()
        kinds = {"kind"} if call in ("runReport", "batchRunReports") else set()
        assert kinds <= set(answer), f"{call} does not say what it is: {answer}"
        bare = {name: value for name, value in answer.items() if name not in kinds}
        if call == "batchRunReports":
            bare["reports"] = [{name: value for name, value in report.items() if name != "kind"} for report in bare["reports"]]
        found = protobuf.problems(_ANSWERS[call].pb(), bare, call)
        assert not found, found


def client():
    consent = Credentials("sandbox-official", refresh_token="sandbox-refresh", token_uri=f"{BASE}/token", client_id="111-abc", client_secret="example")
    transport = BetaAnalyticsDataRestTransport(host=BASE.split("//")[1], url_scheme="http", credentials=consent)
    # There is nothing between the sandbox and its client.
    transport._session.trust_env = False
    transport._session.hooks["response"].append(strict)
    return BetaAnalyticsDataClient(transport=transport)


def report(dimensions=("date", "sessionCampaignId"), metrics=("sessions", "keyEvents:purchase", "purchaseRevenue"), since=SINCE, until=UNTIL, **more):
    return ga4.RunReportRequest(property=NAME, dimensions=[ga4.Dimension(name=name) for name in dimensions], metrics=[ga4.Metric(name=name) for name in metrics],
                                date_ranges=[ga4.DateRange(start_date=since, end_date=until)], **more)


def refused(error, call):
    try:
        call()
    except error as found:
        return found.message
    raise AssertionError(f"accepted, not {error.__name__}")


def total(answer, metric):
    place = [header.name for header in answer.metric_headers].index(metric)
    return sum(float(row.metric_values[place].value) for row in answer.rows)


def fitting(data):
    """What the property has is what it reports, and what does not go together is said by both calls alike."""
    known = data.get_metadata(name=f"{NAME}/metadata")
    metrics, dimensions = {metric.api_name: metric for metric in known.metrics}, {dimension.api_name for dimension in known.dimensions}
    assert known.name == f"{NAME}/metadata" and "keyEvents:purchase" in metrics and "date" in dimensions, known
    assert metrics["purchaseRevenue"].type_ == ga4.MetricType.TYPE_CURRENCY and all(metric.ui_name and metric.description for metric in known.metrics)

    def asked(by, **more):
        named = [ga4.Dimension(name=name) for name in by]
        return data.check_compatibility(ga4.CheckCompatibilityRequest(property=NAME, dimensions=named, metrics=[ga4.Metric(name="sessions")], **more))

    whole = asked(["date"])
    assert {told.dimension_metadata.api_name for told in whole.dimension_compatibilities} == dimensions
    assert {told.metric_metadata.api_name for told in whole.metric_compatibilities} == set(metrics)
    against = asked(["date"], compatibility_filter=ga4.Compatibility.INCOMPATIBLE)
    odd = [told.metric_metadata.api_name for told in against.metric_compatibilities]
    assert odd and not against.dimension_compatibilities, against
    for name in metrics:
        if name in odd:
            assert name in refused(exceptions.BadRequest, lambda name=name: data.run_report(report(("date",), (name,))))
        else:
            assert data.run_report(report(("date",), (name,))).rows
    fits = asked(["date", "sessionGoogleAdsCampaignId"], compatibility_filter=ga4.Compatibility.COMPATIBLE)
    assert {told.metric_metadata.api_name for told in fits.metric_compatibilities} == set(metrics), fits
    assert total(data.run_report(report(("sessionGoogleAdsCampaignId",), odd)), "advertiserAdCost") > 0
    return len(metrics) + len(dimensions)


def main():
    data = client()
    known = fitting(data)
    order = [ga4.OrderBy(dimension=ga4.OrderBy.DimensionOrderBy(dimension_name=name)) for name in ("date", "sessionCampaignId")]
    whole = data.run_report(report(order_bys=order, return_property_quota=True))
    assert whole.row_count == len(whole.rows) > 500 and whole.metadata.currency_code == "USD" and whole.metadata.time_zone == "America/New_York", whole.metadata
    quota, paged = whole.property_quota, []
    assert 0 < quota.tokens_per_hour.remaining < 40_000 and quota.tokens_per_project_per_hour.consumed == quota.tokens_per_day.consumed > 0, quota
    while len(paged) < whole.row_count:
        page = data.run_report(report(order_bys=order, limit=400, offset=len(paged), return_property_quota=True))
        assert page.row_count == whole.row_count and page.property_quota.tokens_per_day.remaining < quota.tokens_per_day.remaining
        quota, paged = page.property_quota, [*paged, *page.rows]
    assert paged == list(whole.rows)

    some = whole.rows[-1].dimension_values[1].value
    one = ga4.FilterExpression(filter=ga4.Filter(field_name="sessionCampaignId", string_filter=ga4.Filter.StringFilter(match_type="EXACT", value=some)))
    rest = ga4.FilterExpression(not_expression=one)
    halves = data.batch_run_reports(ga4.BatchRunReportsRequest(property=NAME, requests=[report(dimension_filter=one), report(dimension_filter=rest)])).reports
    assert all(half.rows for half in halves) and sum(half.row_count for half in halves) == whole.row_count, [half.row_count for half in halves]
    for metric in ("sessions", "keyEvents:purchase", "purchaseRevenue"):
        assert abs(sum(total(half, metric) for half in halves) - total(whole, metric)) < 0.01, metric
    none = data.run_report(report(since=UNTIL, until=UNTIL, dimension_filter=ga4.FilterExpression(
        filter=ga4.Filter(field_name="sessionSource", in_list_filter=ga4.Filter.InListFilter(values=["nowhere"])))))
    assert none.row_count == 0 and not none.rows, none

    many = ga4.BatchRunReportsRequest(property=NAME, requests=[report()] * 6)
    assert "1 to 5" in refused(exceptions.BadRequest, lambda: data.batch_run_reports(many))
    mixed = ga4.BatchRunReportsRequest(property=NAME, requests=[report(), report(metrics=("revenue",))])
    assert "revenue" in refused(exceptions.BadRequest, lambda: data.batch_run_reports(mixed))
    other = report()
    other.property = "properties/987"
    assert "permission" in refused(exceptions.Forbidden, lambda: data.run_report(other))
    for fault, error in (("http_429", exceptions.TooManyRequests), ("http_500", exceptions.InternalServerError)):
        next_fault(BASE, fault)
        refused(error, lambda: data.run_report(report(), retry=None))
    # The client takes a refused token for one that has ended, and signs in again.
    next_fault(BASE, "revoked_token")
    assert data.run_report(report(), retry=None).row_count == whole.row_count
    assert seen == set(_ANSWERS), seen
    print(f"{known} names known, {whole.row_count} rows in pages and in batches, quotas and refusals as the official client expects them")


if __name__ == "__main__":
    main()
