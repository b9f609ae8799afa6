"""Salesforce: users, accounts, visits, tasks and opportunities read by SOQL; check-ins and daily records written."""

from fieldwork.connectors.salesforce.source import SalesforceSource
from fieldwork.connectors.salesforce.target import SalesforceTarget

__all__ = ["SalesforceSource", "SalesforceTarget"]
