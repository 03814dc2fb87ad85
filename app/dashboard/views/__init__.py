"""The pages, a file each; every module in here has a table `PAGES`, which `app.dashboard.pages` finds by itself."""
