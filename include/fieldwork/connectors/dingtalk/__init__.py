"""DingTalk 钉钉: people, 打卡 punches, 签到 field check-ins and approved leave, read over the old API (oapi)."""

from fieldwork.connectors.dingtalk.source import DingTalkSource

__all__ = ["DingTalkSource"]
