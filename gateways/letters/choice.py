"""Which print shop: a spool folder, Lob or PostGrid, chosen by the settings."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from domain.print_shop import DeliveryReports, DeliveryWebhook, PrintShop
from gateways.letters.lob import LobAccount, LobShop, LobWebhook
from gateways.letters.postgrid import PostGridAccount, PostGridShop, PostGridWebhook
from gateways.letters.spool import SpoolFolder
from gateways.letters.spool_events import SpoolEvents


@dataclass(frozen=True, kw_only=True)
class PrintShopChoice:
    """The shop and how to reach it. Key and secrets are for the APIs, the folder for the spool."""

    kind: Literal["spool", "lob", "postgrid"]
    folder: Path
    zone: str
    api_key: str = field(default="", repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    base_url: str = ""

    def shop(self) -> PrintShop:
        """Where letters are handed over."""
        match self.kind:
            case "spool":
                return SpoolFolder(self.folder)
            case "lob":
                lob = LobAccount(
                    api_key=self.api_key,
                    webhook_secrets=self.webhook_secrets,
                    zone=self.zone,
                    base_url=self.base_url or LobAccount.base_url,
                )
                return LobShop(lob, LobShop.client(lob), today=self._today)
            case "postgrid":
                postgrid = PostGridAccount(
                    api_key=self.api_key,
                    webhook_secrets=self.webhook_secrets,
                    base_url=self.base_url or PostGridAccount.base_url,
                )
                return PostGridShop(postgrid, PostGridShop.client(postgrid), today=self._today)

    def spool(self) -> SpoolFolder | None:
        """The folder as more than a `PrintShop`; None for a shop behind an API."""
        return SpoolFolder(self.folder) if self.kind == "spool" else None

    def reports(self) -> DeliveryReports | None:
        """The shop's word as files; None for one that calls instead."""
        return SpoolEvents(self.folder) if self.kind == "spool" else None

    def webhook(self) -> DeliveryWebhook | None:
        """The shop's word as signed calls; None for one that writes files, or without a secret to check them by."""
        if self.kind == "spool" or not self.webhook_secrets:
            return None
        return LobWebhook(self.webhook_secrets) if self.kind == "lob" else PostGridWebhook(self.webhook_secrets)

    def _today(self) -> date:
        return datetime.now(UTC).astimezone(ZoneInfo(self.zone)).date()
