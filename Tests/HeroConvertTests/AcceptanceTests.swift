import HeroConvert
import HeroModel
import Testing

/// Structures of real configurations, in words of our own: each has what makes its original hard to import.
@Suite("Acceptance cases of imports")
struct AcceptanceTests {
    @Test("A demo of many processes keeps its waves, and its one-shots are not repeated")
    func demoWithWaves() throws {
        let text = """
            environment: ["NET=local"]
            x-end: &end {restart: exit_on_failure}
            processes:
              store:
                command: run-store --port $$STORE_PORT
                readiness_probe:
                  exec: {command: "store-ping | grep ok"}
                  success_threshold: 2
                  failure_threshold: 100
                availability: {restart: always, exit_on_end: true}
              chain:
                command: chain --data "$(pwd)/data"
                availability: *end
                readiness_probe: {http_get: {host: 127.0.0.1, port: 8545, path: /}}
              fund:
                command: fund --from ${PRIVATE_KEY}
                depends_on: {chain: {condition: process_healthy}}
              node:
                command: exec node --db store
                depends_on:
                  store: {condition: process_healthy}
                  fund: {condition: process_completed_successfully}
              Watch Tower:
                command: watch
                depends_on: {node: {condition: process_started}}
                replicas: 2
            """
        let result = try ImportCheck.convert(.processCompose, [("demo.yaml", text)])
        #expect(result.report.refused.isEmpty, "\(result.report.text)")
        let services = ImportCheck.services(result)
        #expect(services["fund"]?.requirements.allSatisfy { !$0.cascades } == true, "a restart does not fund again")
        #expect(services["watch-tower-1"]?.requirements.first?.until == .started)
        #expect(services["node"]?.requires.map(\.name) == ["store", "fund"])
        #expect(services["watch-tower-1"]?.requires.map(\.name) == ["node"])
        let shown = ImportCheck.text(result)
        #expect(shown.contains("env: {NET: local}"), "\(shown)")
        #expect(shown.contains("successes: 2"), "\(shown)")
        #expect(shown.contains("start_timeout: 1000s"), "\(shown)")
        #expect(shown.contains("interpreter: bash"), "\(shown)")
        #expect(result.report.items.filter { $0.code == .endTogether }.count == 1, "\(shown)")
        #expect(result.report.renamed.contains { $0.from == "Watch Tower-0" && $0.to == "watch-tower-0" }, "\(shown)")
    }

    @Test("A mail server with twenty programs gets one default for all stop times")
    func mailServer() throws {
        var text = "[supervisord]\nnodaemon=true\n\n[program:setup]\ncommand=/setup\nstopwaitsecs=55\n"
        for index in 1...19 {
            text += """

                [program:mail\(index)]
                command=bash -c "sleep \(index) && exec /usr/sbin/mail\(index) -u %(ENV_MODE)s"
                autostart=false
                stopwaitsecs=55
                stdout_logfile=/var/log/supervisor/%(program_name)s.log

                """
        }
        text += "[program:queue]\ncommand=/usr/bin/pidproxy /run/q.pid /usr/sbin/queue\nuser=q\nautostart=false\n"
        text += "environment=HOME=\"/var/q\",API_TOKEN=\"t0ps3cret\"\nstopwaitsecs=55\n"
        let result = try ImportCheck.convert(.supervisord, text)
        let services = ImportCheck.services(result)
        #expect(services.count == 21)
        #expect(services.values.count { $0.status == .stop } == 20)
        let shown = ImportCheck.text(result)
        #expect(shown.components(of: "stop: {timeout: 55s}") == 1, "\(shown)")
        #expect(shown.contains("pid_file: /run/q.pid"), "\(shown)")
        #expect(!shown.contains("t0ps3cret"))
        #expect(result.report.codes("autostart").allSatisfy { $0 == .manualStart })
    }

    @Test("Workers with two processes each and long stop times keep both")
    func workers() throws {
        let worker = { (name: String, stop: Int) in
            """
            [program:app-\(name)-worker]
            command=/usr/bin/bench worker --queue \(name)
            priority=4
            autostart=true
            autorestart=true
            stderr_logfile=/app/logs/\(name).error.log
            user=app
            stopwaitsecs=\(stop)
            directory=/app
            killasgroup=true
            numprocs=2
            process_name=%(program_name)s-%(process_num)d

            """
        }
        let store =
            "[program:app-redis]\ncommand=redis-server /app/redis.conf\npriority=1\nuser=app\ndirectory=/app/sites\n"
        let groups =
            "[group:app-workers]\nprograms=app-short-worker,app-long-worker\n[group:app-redis]\nprograms=app-redis\n"
        let text = worker("short", 360) + worker("long", 1560) + store + groups
        let result = try ImportCheck.convert(.supervisord, text)
        let services = ImportCheck.services(result)
        #expect(Set(services.keys).count == 5)
        #expect(services["app-long-worker-1"]?.after.map(\.name) == ["app-redis"])
        #expect(services["app-long-worker-1"]?.tags.sorted() == ["app-workers"])
        let shown = ImportCheck.text(result)
        #expect(shown.contains("stop: {timeout: 1560s}"), "\(shown)")
        #expect(result.report.codes("numprocs") == [.copies, .copies])
        #expect(result.report.codes("stderr_logfile") == [.logLocation, .logLocation])
    }

    @Test("A chain of programs with a start listener becomes requirements")
    func chainWithListener() throws {
        let text = """
            [eventlistener:dependent-startup]
            command=python3 -m supervisord_dependent_startup
            events=PROCESS_STATE
            [eventlistener:exit]
            command=/usr/bin/exit-listener
            events=PROCESS_STATE_EXITED,PROCESS_STATE_FATAL
            [program:log]
            command=/usr/sbin/log -n
            autorestart=unexpected
            stdout_syslog=true
            dependent_startup=true
            [program:init]
            command=/usr/bin/init.sh
            autorestart=false
            startsecs=0
            exitcodes=0,3
            dependent_startup=true
            dependent_startup_wait_for=log:running
            [program:agent]
            command=/usr/bin/agent
            dependent_startup=true
            dependent_startup_wait_for=init:exited log:running
            """
        let result = try ImportCheck.convert(.supervisord, text)
        let services = ImportCheck.services(result)
        #expect(services["agent"]?.requires.map(\.name) == ["init", "log"])
        #expect(result.report.items.contains { $0.code == .endTogether })
        #expect(result.report.codes("stdout_syslog") == [.logLocation])
        let shown = ImportCheck.text(result)
        #expect(shown.contains("success_exit_codes: [0, 3]"), "\(shown)")
        #expect(shown.contains("is_process: false"), "\(shown)")
    }

    @Test("A workflow platform keeps merged blocks, gates, profiles and inline scripts")
    func workflowPlatform() throws {
        let text = """
            x-common: &common
              image: flow:2
              user: "${FLOW_UID:-50000}:0"
              environment: &env
                DB_URL: postgresql://flow:${DB_PASSWORD}@db:5432/flow
                BROKER_HOST: broker
              depends_on: &deps
                db: {condition: service_healthy}
            services:
              db:
                image: postgres:16
                environment: {POSTGRES_PASSWORD: example}
                healthcheck: {test: ["CMD", "pg_isready"], interval: 10s, retries: 5, start_period: 5s}
                restart: always
              broker: {image: "redis:7", command: [redis-server], expose: [6379]}
              web:
                <<: *common
                command: flow web
                ports: ["8080:8080"]
                depends_on:
                  <<: *deps
                  init: {condition: service_completed_successfully}
              init:
                <<: *common
                entrypoint: /bin/bash
                command: [-c, "if [[ -z $${NAME} ]]; then echo none; fi"]
              flower: {<<: *common, command: flow flower, profiles: [flower]}
            """
        let accepted: Set<LossCode> = [.secretInCommand]
        let result = try ImportCheck.convert(.compose, [("compose.yaml", text)], accepted: accepted)
        let services = ImportCheck.services(result)
        #expect(services["web"]?.requires.map(\.name).sorted() == ["db", "init"])
        #expect(services["flower"]?.status == .stop)
        let shown = ImportCheck.text(result)
        #expect(shown.contains("script: \"if [[ -z ${NAME} ]]; then echo none; fi\""), "\(shown)")
        #expect(shown.contains("interpreter: bash"), "\(shown)")
        #expect(shown.contains("user: ${FLOW_UID:-50000}"), "\(shown)")
        #expect(shown.contains("POSTGRES_PASSWORD: {from_file: secrets/POSTGRES_PASSWORD}"), "\(shown)")
        #expect(shown.contains("DB_URL: {from_file: secrets/DB_URL}"), "\(shown)")
        #expect(shown.contains("BROKER_HOST: \"127.0.0.1\""), "\(shown)")
        #expect(shown.contains("start_timeout: 55s"), "\(shown)")
        #expect(shown.contains("${PROFILE_FLOWER:-stop}"), "\(shown)")
        #expect(services["init"]?.requirements.allSatisfy { !$0.cascades } == true)
        #expect(!shown.contains("example"))
    }

    @Test("An error tracker with two profiles on one port is valid")
    func errorTracker() throws {
        var text = """
            services:
              web: &web
                image: tracker:1
                command: run web
                ports: ["${BIND:-9000}:9000/tcp"]
                profiles: [full]
                ulimits: {nofile: {soft: 4096, hard: 8192}}
                environment: {OWN: , KAFKA: "kafka:9092"}
                healthcheck: {test: curl -f http://web:9000/health, interval: "${EVERY:-30s}", retries: "${TRIES:-3}"}
              web-small: {<<: *web, profiles: [small]}
              kafka: {image: "kafka:3", healthcheck: {test: "nc -z localhost 9092"}}

            """
        for index in 1...14 {
            text += "  worker\(index): {image: tracker, command: run worker\(index), depends_on: "
            text += "{kafka: {condition: service_healthy}, web: {condition: service_started}}}\n"
        }
        let result = try ImportCheck.convert(.compose, [("compose.yaml", text)])
        let services = ImportCheck.services(result)
        #expect(services.count == 17)
        #expect(result.report.codes("ports").isEmpty)
        #expect(result.report.items.count { $0.code == .portTaken } == 1)
        let shown = ImportCheck.text(result)
        #expect(shown.contains("KAFKA: 127.0.0.1:9092") || shown.contains("KAFKA: \"127.0.0.1:9092\""), "\(shown)")
        #expect(shown.contains("nofile: {soft: 4096, hard: 8192}"), "\(shown)")
        #expect(shown.contains("${OWN}"), "\(shown)")
        #expect(result.report.items.contains { $0.code == .valueMissing && $0.text.contains("OWN") })
    }
}

extension String {
    /// The number of times that another text occurs.
    fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
