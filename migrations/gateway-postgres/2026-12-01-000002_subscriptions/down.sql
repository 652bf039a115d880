DROP TABLE subscriptions;
DROP TABLE queries;
