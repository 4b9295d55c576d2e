"""firmware_sim: bins, toilets, their sensors' firmware and the radio link."""
