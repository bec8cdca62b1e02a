"""What more than one composition root builds from the settings."""

from gateways.letters.choice import PrintShopChoice
from ops.settings import Settings


def print_shop_of(settings: Settings) -> PrintShopChoice:
    """The print shop that the settings name."""
    key, secrets = settings.print_shop_key, settings.print_shop_webhook_secrets
    return PrintShopChoice(
        kind=settings.print_shop,
        folder=settings.print_shop_dir or settings.data_dir / "letters",
        zone=settings.payer.time_zone,
        api_key=key.get_secret_value() if key else "",
        webhook_secrets=tuple(secrets.get_secret_value().split(",")) if secrets else (),
        base_url=settings.print_shop_url,
    )
