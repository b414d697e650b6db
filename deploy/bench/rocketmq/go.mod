module github.com/zonekeeper/zonekeeper/deploy/bench/rocketmq

go 1.26.0
