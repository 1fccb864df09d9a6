"""What a publisher knows us by: secrets, cookies and log-in, which reach that publisher and nothing that is kept."""
