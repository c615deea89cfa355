"""Runs LocalStack's Lambda functions as Node processes, without Docker."""
