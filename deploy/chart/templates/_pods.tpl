{{- /* What all pods have in common. Call: (list $ "webhook" $.Values.webhook). */ -}}
{{- define "auditor.podMetadata" -}}
{{- $root := first . }}{{ $own := last . -}}
labels:
  {{- include "auditor.selector" (list $root (index . 1)) | nindent 2 }}
  {{- include "auditor.labels" $root | nindent 2 }}
  {{- with merge (dict) $own.podLabels $root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $port := get (dict "webhook" "8081" "watch" "8082" "dashboard" "8083") (index . 1) }}
{{- $scraped := dict }}
{{- if $root.Values.metrics.annotations }}
{{- $scraped = dict "prometheus.io/scrape" "true" "prometheus.io/port" $port "prometheus.io/path" "/metrics" }}
{{- end }}
{{- with merge (dict) $own.podAnnotations $root.Values.podAnnotations $root.Values.commonAnnotations $scraped }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "auditor.podSpec" -}}
{{- $root := first . }}{{ $own := last . -}}
serviceAccountName: {{ include "auditor.name" $root }}-{{ index . 1 }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.priorityClassName | default $root.Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $own.nodeSelector | default $root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations | default $root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity | default $root.Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- if not $root.Values.openshift }}
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- /* One pod on each node and in each zone as far as possible, counted anew for each version. */ -}}
{{- define "auditor.spread" -}}
{{- $root := first . }}{{ $own := last . }}{{ $component := index . 1 -}}
topologySpreadConstraints:
{{- with $own.topologySpreadConstraints }}
  {{- toYaml . | nindent 2 }}
{{- else }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "auditor.selector" (list $root $component) | nindent 8 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The same for all containers. Call: (list $ $.Values.webhook). */ -}}
{{- define "auditor.container" -}}
{{- $root := first . }}{{ $own := last . -}}
image: {{ include "auditor.image" $root | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
resources:
  {{- toYaml $own.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "auditor.dashboardContainer" -}}
{{- $root := first . }}{{ $mounts := last . }}
{{- with $root.Values.dashboard -}}
- name: dashboard
  {{- include "auditor.container" (list $root .) | nindent 2 }}
  args:
    {{- include "auditor.logging" $root | nindent 4 }}
    - dashboard
    - {{ printf "--listen=%s:8084" $root.Values.listen | quote }}
    - {{ printf "--operations=%s:8083" $root.Values.listen | quote }}
    - --access={{ .access }}
    - {{ required "dashboard.publicUrl: as browsers see it, https://HOST. Requests under another name are refused" .publicUrl | printf "--public-url=%s" | quote }}
    - --report-group={{ .reportGroup }}
    {{- with $root.Values.clusterName }}
    - {{ printf "--cluster-name=%s" . | quote }}
    {{- end }}
    {{- if include "auditor.sqlite" $root }}
    - --database-url=sqlite:////var/lib/auditor/history.db
    {{- end }}
    {{- if .tlsSecret }}
    - --tls-cert=/etc/auditor/dashboard-tls/tls.crt
    - --tls-key=/etc/auditor/dashboard-tls/tls.key
    {{- end }}
    {{- if eq .access "proxy" }}
    - --proxy-secret-file=/etc/auditor/dashboard-proxy/secret
    {{- end }}
    {{- with .extraArgs }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $secret := $root.Values.database.dashboardSecret | default $root.Values.database.existingSecret }}
  {{- if or $secret .extraEnv }}
  env:
    {{- if not (include "auditor.sqlite" $root) }}
    - name: AUDITOR_DASHBOARD_DATABASE_URL
      valueFrom:
        secretKeyRef:
          name: {{ $secret | quote }}
          key: {{ $root.Values.database.key | quote }}
    {{- with include "auditor.databaseEnvironment" $root }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- end }}
    {{- with .extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  ports:
    - {name: dashboard, containerPort: 8084}
    - {name: dashboard-ops, containerPort: 8083}  # in the watcher's pod there is one called operations already
  {{- $probe := dict "path" "/healthz" "port" "dashboard" }}
  {{- if .tlsSecret }}{{ $_ := set $probe "scheme" "HTTPS" }}{{ end }}
  # Where it answers people: while it cannot read the history it still tells them so, which no Service could.
  # The watcher makes the database: until then it waits to be started again.
  startupProbe:
    httpGet: {{ toJson $probe }}
    periodSeconds: 2
    failureThreshold: 60
  livenessProbe:
    httpGet: {{ toJson $probe }}
    periodSeconds: 10
    failureThreshold: 6
  readinessProbe:
    httpGet: {{ toJson $probe }}
    periodSeconds: 5
  volumeMounts:
    {{- toYaml $mounts | nindent 4 }}
    {{- with include "auditor.databaseMount" $root }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- if .tlsSecret }}
    - {name: dashboard-tls, mountPath: /etc/auditor/dashboard-tls, readOnly: true}
    {{- end }}
    {{- if eq .access "proxy" }}
    - {name: dashboard-proxy, mountPath: /etc/auditor/dashboard-proxy, readOnly: true}
    {{- end }}
    {{- with .extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end }}

{{- /* By what the certificate of PostgreSQL is verified: libpq takes it where the URL says nothing else. */ -}}
{{- define "auditor.databaseEnvironment" -}}
{{- if .Values.database.authoritySecret -}}
- {name: PGSSLROOTCERT, value: /etc/auditor/database/ca.crt}
{{- end }}
{{- end }}

{{- define "auditor.databaseMount" -}}
{{- if .Values.database.authoritySecret -}}
- {name: database, mountPath: /etc/auditor/database, readOnly: true}
{{- end }}
{{- end }}

{{- define "auditor.databaseVolume" -}}
{{- with .Values.database.authoritySecret -}}
- name: database
  secret:
    secretName: {{ . | quote }}
    items: [{key: ca.crt, path: ca.crt}]
{{- end }}
{{- end }}

{{- define "auditor.dashboardVolumes" -}}
{{- with .Values.dashboard }}
{{- with .tlsSecret }}
- name: dashboard-tls
  secret: {secretName: {{ . | quote }}}
{{- end }}
{{- if eq .access "proxy" }}
- name: dashboard-proxy
  secret:
    secretName: {{ required "dashboard.proxySecret: --access proxy needs a proof of the proxy, a Secret with the key `secret`" .proxySecret | quote }}
{{- end }}
{{- with .extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end }}
