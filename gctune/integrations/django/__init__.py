"""Tunes a Django project: "gctune.integrations.django" in INSTALLED_APPS."""
