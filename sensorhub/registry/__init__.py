"""Who is who, in memory: devices, assets, sites, zones, profiles."""
