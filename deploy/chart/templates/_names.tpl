{{- /* Of everything: there is one installation in a cluster. */ -}}
{{- define "auditor.name" -}}
{{- .Values.nameOverride | default "auditor" -}}
{{- end }}

{{- /* Labels that never change: by them pods are found. Call: (list $ "webhook"). */ -}}
{{- define "auditor.selector" -}}
{{- $root := first . -}}
app.kubernetes.io/name: auditor
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end }}

{{- /* Labels and annotations of an object. Call: (list $ "webhook"), or with a dict of further annotations. */ -}}
{{- define "auditor.metadata" -}}
{{- $root := first . -}}
labels:
  {{- include "auditor.selector" (list $root (index . 1)) | nindent 2 }}
  {{- include "auditor.labels" $root | nindent 2 }}
{{- $further := dict }}
{{- if gt (len .) 2 }}{{ $further = index . 2 }}{{ end }}
{{- with merge (dict) $further $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "auditor.labels" -}}
app.kubernetes.io/part-of: auditor
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "auditor.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* How much is logged, and how: what stands before the command. */ -}}
{{- define "auditor.logging" -}}
- --log-format={{ .Values.logs.format }}
{{- range until (int .Values.logs.verbosity) }}
- -v
{{- end }}
{{- end }}

{{- /* The object with which everything goes that is registered at run time. */ -}}
{{- define "auditor.owner" -}}
{{- if .Values.webhook.owner -}}
{{ .Values.webhook.owner }}
{{- else if .Values.rbac.create -}}
ClusterRole/{{ include "auditor.name" . }}-webhook
{{- else -}}
{{- fail "webhook.owner: without rbac.create it has to be said which cluster-wide object owns what the webhook registers, as ClusterRole/NAME. With that it goes at an uninstall" -}}
{{- end -}}
{{- end }}

{{- define "auditor.sqlite" -}}
{{- if not .Values.database.existingSecret }}yes{{ end -}}
{{- end }}

{{- /* The dashboard has to see the file of SQLite: then it lives in the watcher's pod. */ -}}
{{- define "auditor.sidecar" -}}
{{- if and .Values.dashboard.enabled (include "auditor.sqlite" .) }}yes{{ end -}}
{{- end }}
