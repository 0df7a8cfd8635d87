"""What tests share: servers, databases, browsers and the users in front of them."""
