{{/* Of the overrides only the global ones count here, as in the real chart. */}}
{{- define "system.name" -}}
{{- .Values.global.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "system.fullname" -}}
{{- $name := include "system.name" . -}}
{{- $usual := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- .Values.global.fullnameOverride | default $usual | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* After the release, not after the full name. */}}
{{- define "system.webserver" -}}
{{- printf "%s-%s" .Release.Name .Values.dagsterWebserver.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "system.workspace" -}}
{{- $workspace := .Values.dagsterWebserver.workspace -}}
{{- $own := printf "%s-workspace-yaml" (include "system.fullname" .) -}}
{{- $workspace.enabled | ternary ($workspace.externalConfigmap | default $own) $own -}}
{{- end -}}

{{- define "system.selector" -}}
app.kubernetes.io/name: {{ include "system.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "system.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "system.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "system.image" -}}
{{- $version := index . 0 -}}{{- $image := index . 1 -}}
{{ $image.repository }}:{{ $image.tag | default $version | toYaml | trimAll "\"" }}
{{- end -}}

{{/* Annotations of a pod: checksums of what is mounted, then the user's. */}}
{{- define "system.annotations" -}}
{{- $root := index . 0 -}}{{- $own := index . 1 -}}
{{- $sums := dict "checksum/dagster-instance" (include (print $root.Template.BasePath "/configmap-instance.yaml") $root | sha256sum) -}}
{{- if (index $root.Values "dagster-user-deployments").enabled -}}
  {{- $text := include (print $root.Template.BasePath "/configmap-workspace.yaml") $root -}}
  {{- $sums = set $sums "checksum/dagster-workspace" ($text | sha256sum) -}}
{{- end -}}
{{- merge $sums $own | toYaml -}}
{{- end -}}

{{- define "system.mounts" -}}
- name: dagster-instance
  mountPath: {{ .Values.global.dagsterHome }}/dagster.yaml
  subPath: dagster.yaml
{{- if (index .Values "dagster-user-deployments").enabled }}
# The whole directory: a file mounted by subPath would never change.
- name: dagster-workspace-yaml
  mountPath: /dagster-workspace/
{{- end }}
{{- end -}}

{{- define "system.volumes" -}}
- name: dagster-instance
  configMap:
    name: {{ include "system.fullname" . }}-instance
{{- if (index .Values "dagster-user-deployments").enabled }}
- name: dagster-workspace-yaml
  configMap:
    name: {{ include "system.workspace" . }}
{{- end }}
{{- end -}}

{{/* Each waits for the Service of each deployment that this release holds. */}}
{{- define "system.waits" -}}
{{- $code := index .Values "dagster-user-deployments" -}}
{{- if and $code.enabled $code.enableSubchart $code.deployments }}
initContainers:
  {{- range $code.deployments }}
  - name: init-user-deployment-{{ .name }}
    image: docker.io/busybox:1.28
    command: ["sh", "-c", "until nslookup {{ .name }}; do sleep 2; done"]
  {{- end }}
{{- end }}
{{- end -}}
