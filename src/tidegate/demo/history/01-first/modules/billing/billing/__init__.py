"""The billing module: invoices over HTTP."""
