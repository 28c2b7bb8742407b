"""What a profile and the environment say; read once at start."""

from core.settings.environment import (
    ENVIRONMENT,
    ApiKey,
    Environment,
    check_start,
    read_environment,
)
from core.settings.private import read_private
from core.settings.profile import (
    AlpacaAddresses,
    ApiSettings,
    BrokerName,
    FeedName,
    PolygonAddresses,
    ProfileSettings,
    check_alpaca_hosts,
    parse_profile,
    profile_text,
    read_profile,
    vendor_addresses,
)

__all__ = [
    "ENVIRONMENT",
    "AlpacaAddresses",
    "ApiKey",
    "ApiSettings",
    "BrokerName",
    "Environment",
    "FeedName",
    "PolygonAddresses",
    "ProfileSettings",
    "check_alpaca_hosts",
    "check_start",
    "parse_profile",
    "profile_text",
    "read_environment",
    "read_private",
    "read_profile",
    "vendor_addresses",
]
