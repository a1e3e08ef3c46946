"""What every lorekeep service shares, and nothing of the business."""
