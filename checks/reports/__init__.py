"""What a run tells: people at a console or in a review, CI systems, alert channels, MLflow."""
