extension PageStage {
    /// All pages whose commands are run.
    static let table = [
        PageStage(
            page: "README.md",
            directory: "heroproc",
            preparation: """
                cp "$SOURCES"/services.d/*.yaml services.d
                port='import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
                sed -i "s/16379/$PORT/; s/18080/$PORT2/g; s/18070/$(python3 -c "$port")/g" services.d/*.yaml
                mkdir .build && ln -s "$(dirname "$(command -v heroproc)")" .build/release
                heroproc apply -q
                """,
            programs: ["redis-server"],
            requiresCore: true
        ),
        PageStage(page: "docs/tutorial/first-service.md", programs: ["curl"], requiresCore: true),
        PageStage(
            page: "docs/how-to/alerts.md",
            manifests: failing,
            preparation: "heroproc apply -q --timeout 1s || [ $? = 1 ]",
            replacements: ["mail-the-team": ": the arguments of a program that sends mail:"]
        ),
        PageStage(
            page: "docs/how-to/dashboard.md",
            replacements: ["127.0.0.1:8080": "127.0.0.1:$PORT"],
            endless: ["heroproc serve": .afterOutput]
        ),
        PageStage(
            page: "docs/how-to/develop.md",
            languages: ["console", "sh"],
            directory: "shop",
            manifests: shop,
            replacements: [developmentState: "$ROOT/dev"],
            additions: ["heroproc dev": "--state \(developmentState)"],
            endless: ["heroproc dev": .afterPage]
        ),
        PageStage(page: "docs/how-to/export.md", directory: "shop", manifests: shop, programs: ["systemd-analyze"]),
        PageStage(
            page: "docs/how-to/gitops.md",
            languages: ["sh"],
            preparation: """
                mkdir -p "$ROOT/infra/hosts/web1" && cd "$ROOT/infra"
                printf 'kind: Service\\nname: web\\nexec: [sleep, "1000"]\\n' > hosts/web1/web.yaml
                git init -q -b main . && git add hosts
                git -c user.name=ann -c user.email=ann@example.org commit -q -m one
                """,
            replacements: ["https://example.org/infra.git": "$ROOT/infra"],
            endless: ["heroproc reconcile": .afterPage],
            programs: ["git"]
        ),
        PageStage(
            page: "docs/how-to/import.md",
            preparation: """
                printf '# The programs of the shop.\\nweb: bundle exec puma -p $PORT\\n' > Procfile
                printf 'worker: bundle exec sidekiq\\n' >> Procfile
                """,
            exitCodes: ["heroproc diff": 1]
        ),
        PageStage(
            page: "docs/how-to/monitoring.md",
            directory: "shop",
            manifests: shop,
            preparation: "heroproc apply -q",
            replacements: ["/run/heroproc-api.sock": "$ROOT/api.sock"],
            endless: ["heroproc serve": .afterPage],
            programs: ["curl"]
        ),
        PageStage(
            page: "docs/how-to/read-what-went-wrong.md",
            languages: ["sh"],
            manifests: failing,
            preparation: "heroproc apply -q --timeout 1s || [ $? = 1 ]",
            exitCodes: ["heroproc status": 1]
        ),
        PageStage(
            page: "docs/how-to/roll-back.md",
            languages: ["sh"],
            manifests: shop,
            preparation: """
                for number in 1 2 3 4; do
                    sed -i "/^generation/d" services.d/web.yaml
                    echo "generation: $number" >> services.d/web.yaml
                    heroproc apply -q
                done
                """,
            exitCodes: ["heroproc diff --revision 3": 1]
        ),
        PageStage(page: "docs/how-to/reload-files.md"),
        PageStage(
            page: "docs/how-to/schedule.md",
            languages: ["sh"],
            preparation: """
                for number in 1 2 3; do
                    printf 'kind: Action\\nname: backup\\nexec: [echo, done]\\nschedule: {every: 1h}\\n' > backup
                    echo "generation: $number" >> backup
                    mv backup services.d/backup.yaml
                    heroproc apply -q # the first one only declares it
                done
                """
        ),
        PageStage(page: "docs/how-to/secrets.md", languages: ["sh"], replacements: ["/etc/heroproc": "$ROOT/etc"]),
        PageStage(
            page: "docs/how-to/see-the-output.md",
            manifests: shopWithMigration,
            preparation: "heroproc apply -q",
            // A reconciler of its own, in addition to the one that `apply` has started.
            additions: ["heroproc reconcile": "--down-on-exit --state $ROOT/other"],
            endless: [
                "heroproc logs -f": .afterOutput, "heroproc reconcile --watch --logs": .afterOutput,
            ]
        ),
        PageStage(
            page: "docs/how-to/share-a-port.md",
            manifests: [
                "green.yaml": """
                kind: Service
                name: web-green
                exec: [sleep, "1000"]
                tcp_ports: [{port: "127.0.0.1:$PORT", reuseport: true}]
                """
            ],
            preparation: """
                python3 -c '
                import os, socket, sys, time
                listener = socket.socket()
                listener.bind(("127.0.0.1", int(sys.argv[1])))
                listener.listen()
                if os.fork(): os._exit(0)
                open(sys.argv[2], "w").write(str(os.getpid()))
                time.sleep(1000)
                ' "$PORT" "$ROOT/background"
                heroproc apply -q --timeout 1s || [ $? = 1 ]
                """,
            replacements: ["127.0.0.1:8080": "127.0.0.1:$PORT"],
            programs: ["python3"]
        ),
        PageStage(
            page: "docs/how-to/systemd.md",
            manifests: ["web.yaml": "kind: Service\nname: web\nexec: [sleep, \"1000\"]\n"],
            preparation: "heroproc apply -q",
            replacements: ["/etc/heroproc/services.d": "$ROOT/home/services.d"]
        ),
    ]

    private static let developmentState = "/home/ann/.local/state/heroproc/dev/shop-6c1f0e2a"

    /// A service that cannot start.
    private static let failing = [
        "web.yaml": """
        kind: Service
        name: web
        script: echo cannot start; exit 3
        retry: {delay: 1m}
        """
    ]

    /// A database and a web server.
    private static let shop = [
        "db.yaml": """
        kind: Service
        name: db
        script: |
          echo "ready to accept connections"
          exec sleep 1000

        """,
        "web.yaml": """
        kind: Service
        name: web
        requires: [db]
        script: |
          echo "listening on 127.0.0.1:8080"
          exec sleep 1000

        """,
    ]

    /// The same with a migration, and a service of another context.
    private static let shopWithMigration = [
        "db.yaml": shop["db.yaml"] ?? "",
        "web.yaml": """
        kind: Service
        name: web
        tags: [http]
        requires: [db]
        actions:
          - name: migrate
            exec: [echo, "the schema is current"]
          - name: server
            is_process: true
            script: |
              echo "listening on 127.0.0.1:8080"
              exec sleep 1000
        """,
        "mailer.yaml": """
        kind: Service
        name: mailer
        context: billing
        after: [core/web]
        script: |
          echo "waiting for mail"
          exec sleep 1000
        """,
    ]
}
